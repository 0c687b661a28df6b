"""A function's code and layers are unpacked once, not once for each of its processes.

On AWS an execution environment has them mounted, read-only. The engine unpacks the archives for
every process and removes the files after it, which takes longer than everything else that it does.
"""

from __future__ import annotations

import contextvars
import functools
import hashlib
import importlib
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable

_RUNTIME = "ministack.core.lambda_runtime"
_FOLDER = "unpacked"

_one = threading.Lock()
"""Several processes of a new function start at once."""
_own_copy: contextvars.ContextVar[bool] = contextvars.ContextVar("own_copy", default=False)


def install() -> None:
    """Have processes of the same code share its files."""
    worker = private(_RUNTIME, "Worker")
    worker._spawn = _noting_links(worker._spawn)  # noqa: SLF001
    shared = types.ModuleType("zipfile")
    shared.__dict__.update(vars(private(_RUNTIME, "zipfile")), ZipFile=SharedZipFile)
    setattr(importlib.import_module(_RUNTIME), "zipfile", shared)  # noqa: B010  (mypy)


def _noting_links(spawn: Callable[..., None]) -> Callable[..., None]:
    """Node.js finds the packages of a layer by links, which the engine adds to the code."""

    @functools.wraps(spawn)
    def spawning(worker: Any) -> None:  # noqa: ANN401
        linked = worker.config.get("Runtime", "").startswith("nodejs")
        token = _own_copy.set(linked and bool(worker.config.get("Layers")))
        try:
            spawn(worker)
        finally:
            _own_copy.reset(token)

    return spawning


class SharedZipFile(zipfile.ZipFile):
    """An archive in a file, which all that unpack it share."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:  # noqa: ANN401
        """Make the empty folder `path` a link to where the files of the whole archive are."""
        if _own_copy.get():
            super().extractall(path, members, pwd)
            return
        shared = self._unpacked()
        Path(path).rmdir()
        Path(path).symlink_to(shared, target_is_directory=True)

    def _unpacked(self) -> Path:
        with Path(str(self.filename)).open("rb") as archive:
            digest = hashlib.file_digest(archive, "sha256").hexdigest()
        shared = Path(tempfile.gettempdir()) / _FOLDER / digest
        with _one:
            if not shared.exists():
                shared.parent.mkdir(exist_ok=True)
                begun = Path(tempfile.mkdtemp(dir=shared.parent))
                super().extractall(begun)
                begun.rename(shared)
        return shared
