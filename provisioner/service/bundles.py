"""Code into the bundle bucket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.aws.bundles import EXCLUDED
from provisioner.errors import InvalidRequestError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from provisioner.aws.bundles import Pushed
    from provisioner.service.context import Service

__all__ = ["EXCLUDED", "check", "push"]

_NAME = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def check(path: Path, name: str = "", exclude: Iterable[str] = ()) -> str:
    """Return the key, without `.zip`, that a folder or an archive gets; `name` if it has one.

    Raises
    ------
    PermanentError
        If there is no such file, or the name cannot be a key.
    """
    if not path.exists():
        message = f"{path} does not exist"
        raise PermanentError(message)
    is_folder = path.is_dir()
    if tuple(exclude) and not is_folder:
        message = "only files of a folder can be excluded: an archive is pushed as it is"
        raise InvalidRequestError(message)
    own = path.resolve()
    key = (name or (own.name if is_folder else own.stem)).removesuffix(".zip")
    if not _NAME.fullmatch(key):
        message = f'"{key}" cannot name a bundle: use letters, digits, ".", "_", "-" and "/"'
        raise PermanentError(message)
    return key


def push(service: Service, key: str, path: Path, exclude: Iterable[str] = ()) -> Pushed:
    """Upload a folder as an archive, or an archive as it is, unless it is there already."""
    if path.is_dir():
        return service.bundles.push(key, path, exclude)
    return service.bundles.push_archive(key, path)
