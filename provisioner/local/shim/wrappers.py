"""How processes of functions start: by way of a program in a layer, and with a second try.

Lambda starts the program that `AWS_LAMBDA_EXEC_WRAPPER` names instead of the runtime, with the
runtime's own command as its arguments. The engine does not know the variable. Its layers lie in
folders of each process rather than in /opt, where programs therefore must not look for their own
files. What such a program says when it ends is in the logs; the engine loses it.

A start that fails, as when a secret could not be read in time, is tried once more by Lambda when it
has a call to serve. The engine gives up.
"""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import forks
from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_RUNTIME = "ministack.core.lambda_runtime"
_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
_MOUNT = "/opt/"
_READ_SECONDS = 2.0

ENDED = "Worker process exited immediately. stderr: "
"""How the engine begins its error about a process that ended before it was asked anything."""


def install() -> None:
    """Start processes of functions as their environment says, and hear their last words."""
    worker = private(_RUNTIME, "Worker")
    worker._spawn = _heard(tried_again(worker._spawn))  # noqa: SLF001
    shared = types.ModuleType("subprocess")
    shared.__dict__.update(vars(private(_RUNTIME, "subprocess")), Popen=_started)
    setattr(importlib.import_module(_RUNTIME), "subprocess", shared)  # noqa: B010  (mypy)


def tried_again(spawn: Callable[..., None]) -> Callable[..., None]:
    """Have what fails done once more, whose failure counts."""

    @functools.wraps(spawn)
    def spawning(worker: Any) -> None:  # noqa: ANN401
        try:
            spawn(worker)
        except RuntimeError:
            spawn(worker)

    return spawning


def _heard(spawn: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(spawn)
    def spawning(worker: Any) -> None:  # noqa: ANN401
        try:
            spawn(worker)
        except RuntimeError as error:
            if not str(error).startswith(ENDED):
                raise
            worker._stderr_thread.join(_READ_SECONDS)  # noqa: SLF001
            raise RuntimeError(ENDED + worker._drain_stderr()) from error  # noqa: SLF001

    return spawning


@functools.wraps(subprocess.Popen)
def _started(command: Sequence[str], **options: Any) -> Any:  # noqa: ANN401
    begins = wrapped(command, options.get("env") or {})
    return forks.forked(begins, options) or subprocess.Popen(begins, **options)


def wrapped(command: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return a command, with the program before it that the environment names.

    Raises
    ------
    RuntimeError
        The program does not exist, as Lambda has it.
    """
    program = environ.get(_VARIABLE)
    if not program:
        return list(command)
    folders = filter(None, environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep))
    name = program.removeprefix(_MOUNT)
    found = next((path for f in folders if (path := Path(f, name)).is_file()), None)
    if found is None:
        message = f"Couldn't find valid bootstrap(s): [{program}]"
        raise RuntimeError(message)
    found.chmod(0o755)  # an archive is unpacked without it
    return [str(found), *command]
