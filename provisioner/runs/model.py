"""A run of a job, as its row in the Triggers table keeps it. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.runs.keys import execution_name_of, is_trigger_id, trigger_id

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WAITING = 1000
"""Runs of a job that may wait at once: their ids are kept in one item, of 400 KB at most."""

LONGEST_LEASE_SECONDS = 366 * 24 * 3600
"""No run may take longer (Step Functions: a year), so a later lease counts as damaged."""

CLOCKS_DIFFER_SECONDS = 300
"""Keys of runs begin with their start, so one further in the future counts as damaged."""


class Source(StrEnum):
    """`source` of a run: what started it."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    QUEUE = "queue"
    DEPENDENCY = "dependency"
    BACKFILL = "backfill"


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
"""A run with one of these has ended."""

MISSED = "Missed"
"""`error` of the row of a scheduled time whose run could not be started."""

OVERLAP = "Overlap"
"""`error` of a run that was skipped because of another run."""

STOPPED = "Stopped"
"""`error` of a run that was stopped; `cause` says why, `stopped_by` by whom."""

ENDED_AS = {
    "ABORTED": RunStatus.STOPPED,
    "TIMED_OUT": RunStatus.TIMED_OUT,
    "FAILED": RunStatus.FAILED,
    "SUCCEEDED": RunStatus.SUCCEEDED,
}
"""What the end of a Step Functions execution makes of a run that did not record its own."""


@dataclass(frozen=True, slots=True)
class EndedExecution:
    """An execution that has ended, as Step Functions reports it.

    `waited` is the key of the run's row when the run was queued before this execution was started
    for it; the row of any other run is named after the execution itself.
    """

    job_name: str
    execution_name: str
    execution_arn: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime
    error: str | None = None
    cause: str | None = None
    waited: str | None = None

    @property
    def trigger_id(self) -> str:
        """The sort key of the run's row."""
        return self.waited or trigger_id(iso(self.started_at), self.execution_name)


@dataclass(frozen=True, slots=True)
class Lock:
    """A job's lock: which execution may run, until when, and which runs wait for it.

    Attributes
    ----------
    owner, execution_arn, run
        The execution that holds it and the key of its run; None when it is free.
    lease_until
        Epoch seconds; after that it is free whatever `owner` says.
    waiting
        Keys of queued runs, in the order in which they came.
    cancels
        The latest run, by its key, that cancels others: all that came before it are ended, the
        running one included. It waits, runs or has ended itself.
    damaged
        Attributes of the wrong type; they are read as if absent.
    """

    owner: str | None = None
    execution_arn: str | None = None
    run: str | None = None
    lease_until: int = 0
    waiting: tuple[str, ...] = ()
    cancels: str | None = None
    damaged: frozenset[str] = frozenset()

    def is_free(self, now: datetime) -> bool:
        """Tell whether the next run may take it: it has no owner, or no lease that is valid now.

        The workflow's own condition says the same (templates/workflow/transactions.py).
        """
        left = self.lease_until - int(now.timestamp())
        return self.owner is None or not 0 <= left <= LONGEST_LEASE_SECONDS

    def plausible(self, now: datetime) -> Lock:
        """Return it without `cancels` if that is a run of the future, which cannot be."""
        soon = iso(now + timedelta(seconds=CLOCKS_DIFFER_SECONDS))
        return self if (self.cancels or "") < soon else replace(self, cancels=None)

    @property
    def cancelling(self) -> str | None:
        """The waiting run that cancels the others, None when none does."""
        return self.cancels if self.cancels in self.waiting else None

    @property
    def superseded(self) -> tuple[str, ...]:
        """Waiting runs that came before the one that cancels the others.

        The workflow admits none of them, even when that one runs already.
        """
        return tuple(run for run in self.waiting if run < (self.cancels or ""))

    @property
    def next(self) -> str | None:
        """The run to start when the lock is free."""
        return next(iter(self.waiting[len(self.superseded) :]), None)


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether a job's schedule is paused, since when, and why."""

    paused: bool
    since: str
    note: str


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run as an index lists it; None for what its row does not say, or not readably."""

    job_name: str
    trigger_id: str
    execution_arn: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run's status, and the execution that it was last part of."""

    status: RunStatus
    execution_arn: str


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A QUEUED run, as much of it as starting it needs.

    `starts` counts the executions that were started for it and found the lock taken. `payload` is
    what the job gets, None when it, or the row, cannot be read. `metadata` are the members of
    ``_run`` in an execution's input that the row keeps.
    """

    trigger_id: str
    starts: int
    payload: Mapping[str, object] | None
    metadata: Mapping[str, object]

    @property
    def execution_name(self) -> str:
        """The name of the next execution for it, the same until that one finds the lock taken.

        Step Functions, StartExecution: at most 80 characters, unique for 90 days.
        """
        own = execution_name_of(self.trigger_id)
        tag = hashlib.sha256(self.trigger_id.encode()).hexdigest()[:8]
        return f"{own[:60]}-{tag}-{self.starts}"


@dataclass(frozen=True, slots=True)
class Success:
    """The last run of a job that succeeded."""

    trigger_id: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class WaitingEnd:
    """How a run that never started ended; with `starts`, only if it was not started since."""

    status: RunStatus
    error: str
    cause: str
    at: datetime
    by: str | None = None
    starts: int | None = None


def waited_of(execution_input: str | None) -> str | None:
    """Return `EndedExecution.waited` from the input that an execution was started with."""
    try:
        match json.loads(execution_input or ""):
            case {"_run": {"waited": str(waited)}} if is_trigger_id(waited):
                return waited
    except ValueError:
        pass
    return None


def iso(time: datetime) -> str:
    """Return ISO-8601 in UTC with milliseconds, as `2026-01-31T09:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(value: object) -> datetime | None:
    """Return the time in an attribute, with its zone; None when it is not one."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time and time.tzinfo and _YEARS[0] <= time.year <= _YEARS[1] else None


_YEARS = (1970, 9998)
"""What is outside has no epoch time, or none a day later."""
