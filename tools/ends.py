"""What a program leaves behind, however it ends: no process, and no temporary file."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
import tempfile

_PR_SET_PDEATHSIG = 1
"""prctl(2). Linux alone has it."""


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, even by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the kernel knew
            os._exit(1)


def own_temporary_folder() -> None:
    """Put all temporary files of this process and its forks where they are removed at its end.

    A process of its own session does that. It reads a pipe which ends when the last of the others
    has ended, so that no signal to them keeps it from its work.
    """
    folder = tempfile.mkdtemp()
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(writer)
        os.read(reader, 1)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
    os.close(reader)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
