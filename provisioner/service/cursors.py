"""Cursors: where the next page of a list begins, as texts for addresses.

A person can write one: what DynamoDB would refuse as a key is refused before.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from provisioner.errors import InvalidCursorError

MAX_KEY_BYTES = 1024
"""Of a sort key, in UTF-8 (DynamoDB's limit; a partition key may have twice as many)."""


def written(position: object) -> str:
    """Return the cursor of a position, which JSON can express."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def read(cursor: str) -> Any:  # noqa: ANN401  (any JSON value)
    """Return the position that a cursor is for; each text in it can be a key.

    Raises
    ------
    InvalidCursorError
        If no position has that cursor.
    """
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if all(_is_key(text) for text in _texts(position)):
            return position
    except (ValueError, RecursionError):
        pass
    raise InvalidCursorError


def _is_key(text: str) -> bool:
    return 0 < len(text.encode()) <= MAX_KEY_BYTES


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for each in value for text in _texts(each)]
        case dict():
            return [text for each in value.values() for text in _texts(each)]
        case _:
            return []
