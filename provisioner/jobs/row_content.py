"""The digest of what a row says, whatever it says: of rows that are not valid, too. Pure."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHARACTERS = 32


def content_digest(row: Mapping[str, object]) -> str:
    """Return a digest that is the same for every way to write the same values."""
    text = json.dumps(_canonical(row), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_CHARACTERS]


def _canonical(value: object) -> object:
    match value:
        case bool() | str() | None:
            return value
        case int() | float() | Decimal():
            return ["N", format(Decimal(value).normalize(), "f")]
        case dict():
            return {str(name): _canonical(part) for name, part in value.items()}
        case list() | tuple():
            return ["L", *map(_canonical, value)]
        case set() | frozenset():
            return ["S", *sorted(json.dumps(_canonical(part)) for part in value)]
        case _:
            return ["B", bytes(value).hex()]  # type: ignore[call-overload]  # bytes, or boto3's Binary
