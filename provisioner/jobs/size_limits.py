"""How much an attribute may hold, found out before anything else looks at it.

A row's author decides how long its texts and lists are, and others wait while it is read. So what
is larger than any value that its check could accept is refused here, at the price of counting as
far as the limit. The checks themselves hold what is left to their own, exact limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """What one attribute may hold, its names and texts together.

    Attributes
    ----------
    characters
        Of all texts and names of keys in it.
    values
        Entries of all lists and maps in it.
    """

    characters: int
    values: int


USUAL = SizeLimit(characters=4_096, values=100)

SIZE_LIMITS: Mapping[str, SizeLimit] = MappingProxyType(
    {
        "command": SizeLimit(characters=16_384, values=8_192),
        "environment": SizeLimit(characters=32_768, values=4_096),
        "failure_rules": SizeLimit(characters=32_768, values=8_192),
        "payload": SizeLimit(characters=65_536, values=10_000),
        "payload_schema": SizeLimit(characters=32_768, values=8_192),
        "permissions": SizeLimit(characters=32_768, values=4_096),
        "secrets": SizeLimit(characters=65_536, values=100),
        "tags": SizeLimit(characters=32_768, values=100),
    }
)
"""Two to four times what the attribute's own check allows: JSON may be indented, words quoted."""


def excess(attribute: str, value: object) -> str | None:
    """Return why a value is too large for its attribute, None when it is not."""
    limit = SIZE_LIMITS.get(attribute, USUAL)
    values = characters = 0
    ahead = [value]
    while ahead:
        part = ahead.pop()
        if isinstance(part, str):
            characters += len(part)
        elif isinstance(part, dict | list | tuple):
            values += len(part)
            if values > limit.values:
                return f"holds more than {limit.values} values"
            if isinstance(part, dict):
                characters += sum(len(name) for name in part if isinstance(name, str))
                ahead.extend(part.values())
            else:
                ahead.extend(part)
        if characters > limit.characters:
            return f"holds more than {limit.characters} characters"
    return None
