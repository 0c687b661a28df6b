"""Large contents of a state that is saved again and again: each in a file, written once."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGE_BYTES = 64 * 1024
_DIGEST = re.compile("[0-9a-f]{64}")


class Digests:
    """The digests of contents, each found once for as long as it is saved."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[bytes, str]] = {}
        self._now: dict[int, tuple[bytes, str]] = {}

    def begin(self) -> None:
        """Begin to save: what is not asked for until the next time is forgotten."""
        self._before, self._now = self._now, {}

    def of(self, content: bytes) -> str:
        """Return a content's digest; the very object is known again, since it is kept."""
        known = self._now.get(id(content)) or self._before.get(id(content))
        self._now[id(content)] = known or (content, hashlib.sha256(content).hexdigest())
        return self._now[id(content)][1]


class Contents:
    """Files in a folder, named by the digests of what is in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()

    def put(self, digest: str, content: bytes) -> None:
        """Write a content that is not there yet, whole or not at all."""
        file = self._folder / digest
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            draft.write_bytes(content)
            draft.replace(file)

    def get(self, digest: object) -> bytes | None:
        """Return a content; None for what is not the digest of one."""
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            return None
        file = self._folder / digest
        if not file.exists():
            return None
        self._read.add(digest)
        return file.read_bytes()

    def remove_unread(self) -> None:
        """Remove what nobody has asked for since the start."""
        for file in self._folder.glob("*"):
            if file.name not in self._read:
                file.unlink()
