"""Objects in the JSON that people write: of two members with the same name one would be lost."""

from __future__ import annotations

from typing import Any

from provisioner.plain_text import printable


def distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, for `object_pairs_hook` of `json.loads`.

    Raises
    ------
    ValueError
        If two members have the same name.
    """
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            message = f'an object has "{printable(name)}" twice'
            raise ValueError(message)
        found[name] = value
    return found
