"""Files as a zip archive, which is the same for the same files."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip archive can hold, for all its files."""

_CHUNK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class File:
    """A file on this machine, and its name in the archive."""

    path: Path
    name: str
    executable: bool

    @classmethod
    def at(cls, path: Path, name: str) -> File:
        """Return a file as it is on the disk."""
        return cls(path, name, executable=bool(path.stat().st_mode & 0o100))


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def digest(files: Iterable[File]) -> str:
    """Return a digest of what the files are, rather than of how zlib happens to write them."""
    whole = hashlib.sha256()
    for file in files:
        content = hashlib.sha256()
        feed(content, file.path)
        whole.update(f"{content.hexdigest()} {file.executable:d} {file.name}\0".encode())
    return whole.hexdigest()


def feed(whole: _Hash, path: Path) -> None:
    """Add a file's content to a hash."""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            whole.update(chunk)


def pack(files: Iterable[File], archive: IO[bytes]) -> None:
    """Write files into an archive."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in files:
            entry = zipfile.ZipInfo(file.name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: Lambda reads the permissions
            entry.external_attr = (0o100755 if file.executable else 0o100644) << 16
            with file.path.open("rb") as source, bundle.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
