"""Exit codes and their errors. Public: scripts branch on them (docs/reference/cli.md)."""

from __future__ import annotations

from enum import IntEnum

from provisioner.errors import ProvisionerError
from provisioner.runs.model import RunStatus


class ExitCode(IntEnum):
    """What a command ends with."""

    OK = 0
    ERROR = 1
    USAGE = 2
    """Given by Typer."""
    RUN_FAILED = 3
    RUN_TIMED_OUT = 4
    RUN_STOPPED = 5
    RUN_SKIPPED = 6
    OVERTAKEN = 6
    """What was pushed is not deployed, because something newer is."""
    STILL_GOING = 7
    PIPE_CLOSED = 141
    """128 + SIGPIPE: what a run prints is read no longer, and how it ends is not known."""


OF_RUN = {
    RunStatus.SUCCEEDED: ExitCode.OK,
    RunStatus.FAILED: ExitCode.RUN_FAILED,
    RunStatus.TIMED_OUT: ExitCode.RUN_TIMED_OUT,
    RunStatus.STOPPED: ExitCode.RUN_STOPPED,
    RunStatus.SKIPPED: ExitCode.RUN_SKIPPED,
}


class StillGoingError(ProvisionerError):
    """The time to wait has passed; what was waited for keeps running."""
