"""Code of Lambda jobs: a folder as a zip archive in the bundle bucket."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import IO, TYPE_CHECKING

from provisioner.aws.archives import File, digest, feed, pack
from provisioner.aws.clients import translated
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import S3Object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from provisioner.aws.clients import Clients

EXCLUDED = (
    *("__pycache__", "*.pyc", ".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".coverage", ".aws-sam"),
    *(".idea", ".vscode", ".DS_Store"),
)
"""Names of files and folders that are not part of a job's code."""

MAX_BYTES = 262_144_000
"""Lambda quotas, deployment package of a zip archive, unzipped, with its layers."""

_DIGEST = "content-sha256"
_IN_MEMORY_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Pushed:
    """The bundle as a row may name it; `uploaded` is False when it was there already."""

    bundle: S3Object
    uploaded: bool
    files: int
    size_bytes: int


class BundleBucket:
    """A bucket with versioning, where bundles go."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def push(self, name: str, folder: Path, exclude: Iterable[str] = ()) -> Pushed:
        """Put a folder's files as `<name>.zip` into the bucket, unless they are there already.

        The same files (names, contents, executable or not) are the same bundle, on any machine and
        whenever they were written.

        Parameters
        ----------
        name
            Key of the bundle without its `.zip`.
        folder
            What becomes the root of the archive.
        exclude
            Patterns of names to leave out as well as `EXCLUDED`, such as `*.csv`.

        Raises
        ------
        PermanentError
            If the folder holds no files, or more than Lambda takes.
        """
        files = sorted(_files(folder, "", (*EXCLUDED, *exclude), ()), key=lambda file: file.name)
        size_bytes = sum(file.path.stat().st_size for file in files)
        _check_size(folder, len(files), size_bytes)
        return self.push_files(f"{name}.zip", files)

    def push_files(self, key: str, files: Sequence[File]) -> Pushed:
        """Put files into the bucket as an archive, unless these are there already."""
        size_bytes = sum(file.path.stat().st_size for file in files)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as archive:

            def packed() -> IO[bytes]:
                pack(files, archive)
                archive.seek(0)
                return archive

            bundle, uploaded = self._put(key, digest(files), packed)
        return Pushed(bundle, uploaded, len(files), size_bytes)

    def push_archive(self, name: str, path: Path) -> Pushed:
        """Put a zip archive, which a .jar is too, as it is into the bucket, as `push` does.

        Raises
        ------
        PermanentError
            If it is not a zip archive, holds no files, or more than Lambda takes.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                sizes = [entry.file_size for entry in archive.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError) as error:
            message = f"{path} is neither a folder nor a zip archive"
            raise PermanentError(message) from error
        _check_size(path, len(sizes), sum(sizes))
        content = hashlib.sha256()
        feed(content, path)
        with path.open("rb") as archive_file:
            bundle, uploaded = self._put(f"{name}.zip", content.hexdigest(), lambda: archive_file)
        return Pushed(bundle, uploaded, len(sizes), sum(sizes))

    def _put(
        self, key: str, digested: str, content: Callable[[], IO[bytes]]
    ) -> tuple[S3Object, bool]:
        """Return the bundle of that digest, and whether it had to be uploaded."""
        version_id = self._current(key, digested)
        uploaded = version_id is None
        if version_id is None:
            version_id = self._upload(key, digested, content())
        return S3Object(self._name, key, version_id), uploaded

    def newest(self, key: str) -> str | None:
        """Return the VersionId of an object's newest version; None where there is none."""
        try:
            with translated():
                head = self._clients.s3.head_object(Bucket=self._name, Key=key)
        except NotFoundError:
            return None
        return str(head["VersionId"]) if "VersionId" in head else None

    def _current(self, key: str, digested: str) -> str | None:
        """Return the object's current version if these very files are in it."""
        try:
            with translated():
                head = self._clients.s3.head_object(Bucket=self._name, Key=key)
        except NotFoundError:
            return None
        except PermanentError as error:  # S3 says but 403 to a HEAD, and so of what is not there
            message = (
                f"s3://{self._name}/{key} may not be read: it takes s3:GetObject on it, "
                f"and s3:ListBucket on the bucket ({error})"
            )
            raise PermanentError(message) from error
        if head["Metadata"].get(_DIGEST) != digested:
            return None
        return str(head["VersionId"]) if "VersionId" in head else None

    def _upload(self, key: str, digested: str, content: IO[bytes]) -> str | None:
        try:
            with translated():
                response = self._clients.s3.put_object(
                    Bucket=self._name,
                    Key=key,
                    Body=content,
                    ContentType="application/zip",
                    Metadata={_DIGEST: digested},
                )
        except PermanentError as error:
            message = (
                f"s3://{self._name}/{key} may not be written: it takes s3:PutObject on it ({error})"
            )
            raise PermanentError(message) from error
        return str(response["VersionId"]) if "VersionId" in response else None


def _check_size(path: Path, files: int, size_bytes: int) -> None:
    if not files:
        message = f"{path} holds no files"
        raise PermanentError(message)
    if size_bytes > MAX_BYTES:
        message = f"{path} holds {size_bytes:,} bytes; Lambda takes at most {MAX_BYTES:,}"
        raise PermanentError(message)


def _files(
    folder: Path, prefix: str, exclude: tuple[str, ...], above: tuple[Path, ...]
) -> Iterator[File]:
    """Yield what is in a folder; links are followed, but not in circles."""
    real = folder.resolve()
    if real in above:
        return
    for path in folder.iterdir():
        if any(fnmatchcase(path.name, pattern) for pattern in exclude):
            continue
        name = f"{prefix}{path.name}"
        if path.is_dir():
            yield from _files(path, f"{name}/", exclude, (*above, real))
        elif path.is_file():
            yield File.at(path, name)
