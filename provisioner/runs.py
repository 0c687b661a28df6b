"""A run of a job, as its row in the Triggers table keeps it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

LOCK = "#lock"
"""Sort key of the item that says which execution holds a job's lock."""

RUN_RETENTION_SECONDS = 90 * 24 * 3600
"""How long a run's row is kept after it began, on top of the job's timeout."""

FIRST_RUN = "0"
"""Runs sort from here: their keys begin with a year, those of other items with `#`."""


class RunStatus(StrEnum):
    """`status` of a Triggers row."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"
    SKIPPED = "SKIPPED"


FINAL = frozenset(RunStatus) - {RunStatus.QUEUED, RunStatus.RUNNING}
"""Nothing follows."""

ENDED_AS = {
    "ABORTED": RunStatus.STOPPED,
    "TIMED_OUT": RunStatus.TIMED_OUT,
    "FAILED": RunStatus.FAILED,
    "SUCCEEDED": RunStatus.SUCCEEDED,
}
"""What the end of a Step Functions execution makes of a run that did not record its own."""


@dataclass(frozen=True, slots=True)
class EndedExecution:
    """An execution that came to its end, as Step Functions tells it."""

    job_name: str
    execution_name: str
    execution_arn: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime
    error: str | None = None
    cause: str | None = None

    @property
    def trigger_id(self) -> str:
        """The sort key of the run's row."""
        return trigger_id(self.started_at, self.execution_name)


def trigger_id(started_at: datetime, execution_name: str) -> str:
    """Return a run's sort key, so that runs sort by their start."""
    return f"{iso(started_at)}#{execution_name}"


def iso(time: datetime) -> str:
    """Return ISO-8601 in UTC with milliseconds, as `2026-01-31T09:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
