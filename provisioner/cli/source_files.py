"""Which files of a folder are source: what its ignore files leave out is not, nor are secrets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec, PathSpec

from provisioner.errors import PermanentError
from provisioner.service.builds import SourceFile
from provisioner.service.bundles import EXCLUDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

SECRET = (
    *(".env", ".env.*", "*.pem", "*.key", "*.pfx", "*.p12", "id_rsa", "id_ecdsa", "id_ed25519"),
    *(".netrc", ".pypirc", ".npmrc", ".aws", ".ssh", ".docker", "credentials.json"),
)
"""Names of files and folders that hold secrets more often than source."""

MAX_FILES = 50_000
MAX_BYTES = 1_000_000_000
"""Ours: a push is for source. What a build needs beside it, it can fetch."""

_DOCKERIGNORE, _GITIGNORE = ".dockerignore", ".gitignore"


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a folder, and the names of those left out because they look like secrets."""

    files: tuple[SourceFile, ...]
    secrets: tuple[str, ...]


def of(folder: Path, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> SourceFiles:
    """Return what of a folder is source.

    A .dockerignore in the folder decides if there is one, and .gitignore files do otherwise, those
    in folders below included. Links are followed within the folder.

    Parameters
    ----------
    include
        Patterns of names that are source although they look like a secret, as `.npmrc`.
    exclude
        Patterns of names that are not source, as `*.csv`.

    Raises
    ------
    PermanentError
        If it holds no files, or more than `MAX_FILES` or `MAX_BYTES`, or a link out of the folder.
    """
    if not folder.is_dir():
        message = f"{folder} is not a folder: the source of a job is pushed as a folder"
        raise PermanentError(message)
    walk = _Walk(folder.resolve(), tuple(include), (*EXCLUDED, *exclude))
    files = tuple(sorted(walk.files(folder, ""), key=lambda file: file.name))
    if not files:
        message = f"{folder} has no files to push"
        raise PermanentError(message)
    return SourceFiles(files, tuple(sorted(walk.secrets)))


class _Walk:
    """One walk through a folder."""

    def __init__(self, root: Path, include: Sequence[str], exclude: Sequence[str]) -> None:
        self.secrets: list[str] = []
        self._root = root
        self._include = include
        self._exclude = exclude
        self._docker = _docker_ignored(root / _DOCKERIGNORE)
        self._files = self._bytes = 0

    def files(
        self,
        folder: Path,
        prefix: str,
        ignored: tuple[tuple[str, GitIgnoreSpec], ...] = (),
        above: tuple[Path, ...] = (),
    ) -> Iterator[SourceFile]:
        """Yield the files below a folder, whose names begin with a prefix."""
        real = folder.resolve()
        if real in above:
            return
        if self._docker is None:
            ignored = (*ignored, *_git_ignored(folder / _GITIGNORE, prefix))
        for path in sorted(folder.iterdir()):
            name = f"{prefix}{path.name}"
            if self._is_left_out(path, name, ignored):
                continue
            self._check_link(path, name)
            if path.is_dir():
                yield from self.files(path, f"{name}/", ignored, (*above, real))
            elif path.is_file():
                self._count(path)
                yield SourceFile(path, name)

    def _is_left_out(
        self, path: Path, name: str, ignored: Iterable[tuple[str, GitIgnoreSpec]]
    ) -> bool:
        if _matches(path.name, self._exclude):
            return True
        if self._docker is not None:
            out = self._docker.leaves_out(name, is_folder=path.is_dir())
        else:
            suffix = "/" if path.is_dir() else ""
            out = any(spec.match_file(name[len(at) :] + suffix) for at, spec in ignored)
        if not out and _matches(path.name, SECRET) and not _matches(path.name, self._include):
            self.secrets.append(name)
            return True
        return out

    def _check_link(self, path: Path, name: str) -> None:
        if path.is_symlink() and not path.resolve().is_relative_to(self._root):
            message = (
                f"{name} is a link to {path.readlink()}, which is not in the folder: "
                f"leave it out by {_DOCKERIGNORE} or {_GITIGNORE}, or copy what it names"
            )
            raise PermanentError(message)

    def _count(self, path: Path) -> None:
        self._files += 1
        self._bytes += path.stat().st_size
        if self._files > MAX_FILES or self._bytes > MAX_BYTES:
            message = (
                f"{self._root} holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes: leave "
                f"out what is not source by {_DOCKERIGNORE} or {_GITIGNORE}"
            )
            raise PermanentError(message)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _git_ignored(path: Path, prefix: str) -> Iterator[tuple[str, GitIgnoreSpec]]:
    """Yield what a .gitignore says of the names that begin with its folder's."""
    if path.is_file():
        yield prefix, GitIgnoreSpec.from_lines(_lines(path))


class _DockerIgnore:
    """A .dockerignore: its patterns begin at its folder, and the last one that matches decides.

    A pattern that matches a folder matches all that is in it, and yet a later one with `!` may take
    some of that in again (Docker documentation, ".dockerignore files"), unlike in a .gitignore.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        spec = PathSpec.from_lines("gitignore", map(_anchored, lines))
        self._patterns = [each for each in spec.patterns if each.include is not None]
        self._has_exceptions = not all(each.include for each in self._patterns)

    def leaves_out(self, name: str, *, is_folder: bool) -> bool:
        """Tell whether a name is left out; a folder that may hold exceptions is not."""
        if is_folder and self._has_exceptions:
            return False
        parts = name.split("/")
        names = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        out = False
        for pattern in self._patterns:
            if any(pattern.match_file(each) for each in names):
                out = bool(pattern.include)
        return out


def _docker_ignored(path: Path) -> _DockerIgnore | None:
    return _DockerIgnore(_lines(path)) if path.is_file() else None


def _anchored(line: str) -> str:
    r"""Return a pattern of a .dockerignore as a .gitignore has it.

    >>> [_anchored(line) for line in ("*.log", "!a/./keep.log", "# note", "")]
    ['/*.log', '!/a/keep.log', '# note', '']
    """
    pattern = line.strip()
    if not pattern or pattern.startswith("#"):
        return pattern
    mark = "!" if pattern.startswith("!") else ""
    return f"{mark}/{os.path.normpath(pattern[len(mark) :].strip()).lstrip('/')}"


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", errors="replace").splitlines()
