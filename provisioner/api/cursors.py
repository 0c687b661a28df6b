"""Cursors that a caller cannot make: each is signed for one list with its filters.

A cursor says where in an index a page begins. Signed, it can only be one that the API gave out,
so that nobody reads from elsewhere by a cursor of their own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from provisioner.api.problems import Problem, ProblemType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIGNATURE_BYTES = 16


class Cursors:
    """Signs cursors; `key` is asked for when the first one is signed or read."""

    def __init__(self, key: Callable[[], str]) -> None:
        self._key = key

    def signed(self, path: str, filters: Mapping[str, object], cursor: str | None) -> str | None:
        """Return a cursor for the next page of a list; None at the end."""
        if cursor is None:
            return None
        return _encoded(self._signature(path, filters, cursor) + cursor.encode())

    def read(self, path: str, filters: Mapping[str, object], signed: str | None) -> str | None:
        """Return the service's cursor; None without one.

        Raises
        ------
        Problem
            If it is not one that this list has given, with these filters.
        """
        if signed is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4))
            signature, cursor = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:].decode()
        except ValueError:
            signature, cursor = b"", ""
        if not hmac.compare_digest(signature, self._signature(path, filters, cursor)):
            raise Problem(
                ProblemType.INVALID_CURSOR, "The cursor belongs to another list or filters."
            )
        return cursor

    def _signature(self, path: str, filters: Mapping[str, object], cursor: str) -> bytes:
        said = json.dumps([path, sorted(filters.items()), cursor], default=str)
        made = hmac.new(self._key().encode(), said.encode(), hashlib.sha256)
        return made.digest()[:_SIGNATURE_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
