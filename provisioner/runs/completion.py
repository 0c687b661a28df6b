"""The end of a run that could not record it: stopped, timed out as a whole, or broken.

A workflow records its own success and failure. When the execution is stopped from outside there
is nobody left inside to do so; then this stops the work, frees the lock and writes the row's end,
in that order: the next run never meets the work of the last, and as long as the row says RUNNING
the sweep comes back to it. Each step can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.runs.model import EndedExecution
    from provisioner.runs.ports import Runs, Work


@dataclass(frozen=True, slots=True)
class Completed:
    """What was left to do after an execution's end, for the log."""

    stopped_tasks: int
    wrote_row: bool
    freed_lock: bool


def complete(execution: EndedExecution, runs: Runs, work: Work) -> Completed:
    """Bring everything that an ended execution left open to its end."""
    reason = f"run {execution.execution_name} of {execution.job_name} is {execution.status}"
    return Completed(
        stopped_tasks=work.stop(execution.execution_name, reason),
        freed_lock=runs.release(execution.job_name, execution.execution_name),
        wrote_row=runs.end(execution),
    )
