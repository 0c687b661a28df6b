"""The end of a run that could not record it: stopped, timed out as a whole, or broken.

A workflow records its own success and failure. When its execution is stopped from outside it can
record nothing more; then this stops the work that still runs, releases the lock and writes the end
to the row. In that order: the next run never meets the work of the last one, and as long as the
row says RUNNING the sweep comes back to it. Each step can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.runs.model import EndedExecution
    from provisioner.runs.ports import Runs
    from provisioner.runs.work import WorkByType


@dataclass(frozen=True, slots=True)
class Completed:
    """What was left to do after an execution's end, for the log."""

    stopped_work: int
    wrote_row: bool
    released_lock: bool


def complete(execution: EndedExecution, runs: Runs, work: WorkByType) -> Completed:
    """Stop, release and record everything that an ended execution left open."""
    reason = f"run {execution.execution_name} of {execution.job_name} is {execution.status}"
    return Completed(
        stopped_work=work.stop(execution, runs.job_type(execution), reason),
        released_lock=runs.release(execution.job_name, execution.execution_name),
        wrote_row=runs.end(execution),
    )
