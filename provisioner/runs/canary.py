"""The first runs of a new deployment, which show whether it works. Pure but for the port.

What is known of them are their rows, so it changes nothing in which order and how often their ends
become known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from provisioner.runs.keys import RUN_RETENTION_SECONDS, Field
from provisioner.runs.model import FINAL, RunStatus, iso
from provisioner.runs.pausing import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from provisioner.jobs import Job

LOOKED_THROUGH = 1000
"""Runs of a new deployment, skipped and stopped ones among them, in which those that decide are
looked for."""

NOT_OF_THE_CODE = frozenset(
    {
        "InsufficientCapacity",
        "SpotInterruption",
        "RequestLimitExceeded",
        "Stopped",
        "Busy",
        "Lambda.TooManyRequestsException",
        "Lambda.EC2ThrottledException",
        "Lambda.ENILimitReachedException",
        "ECS.ThrottlingException",
        "ECS.LimitExceededException",
        "Batch.TooManyRequestsException",
    }
)
"""Errors of runs that AWS had no room for, took back, or that a person stopped: whatever the code
is, they come and go. What may be the code's or the row's fault is not among them: a function that
never becomes ready, a machine that was lost, a job that asks for more than there is."""

_OLDER = 20
"""Runs from before a deployment, one of which has ended unless that many are open."""


class CanaryVerdict(StrEnum):
    """What the runs that decide have shown."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CanaryProgress:
    """How far the runs that decide have come.

    Attributes
    ----------
    succeeded
        How many of them have.
    run
        The `trigger_id` of the run that decided: the first that failed, or the last that succeeded.
    """

    verdict: CanaryVerdict
    succeeded: int = 0
    run: str | None = None


class RunHistory(Protocol):
    """The rows of runs."""

    def begun_since(self, job_name: str, moment: str, count: int) -> Iterable[Mapping[str, Any]]:
        """Return a job's first runs after a time, oldest first: how each has ended."""

    def begun_before(self, job_name: str, moment: str, count: int) -> Iterable[Mapping[str, Any]]:
        """Return a job's last runs before a time, newest first."""


def progress_of(
    history: RunHistory,
    job: Job,
    since: datetime,
    now: datetime,
    *,
    settled_at: datetime | None = None,
    until: datetime | None = None,
) -> CanaryProgress | None:
    """Return how far the canary of a deployment is; None when not all of its runs are still stored.

    Nor is there any for a job without a canary.

    Parameters
    ----------
    since
        When the deployment was first seen to be there.
    settled_at
        Since when the job has been READY with it, None to leave that out.
    until
        When the next one was, None while there is none.
    """
    canary = job.deploy.canary if job.deploy else None
    if canary is None or now - since > timedelta(seconds=RUN_RETENTION_SECONDS):
        return None
    runs = list(history.begun_since(job.job_name, iso(since), LOOKED_THROUGH))
    if not _are_all_kept(history, job, since, runs):
        return None
    of_it = [run for run in runs if until is None or _id(run) < iso(until)]
    return progress(of_it, since, canary.runs, settled_at)


def progress(
    runs: Iterable[Mapping[str, Any]],
    since: datetime,
    count: int,
    settled_at: datetime | None = None,
) -> CanaryProgress:
    """Return what the first `count` runs to have ended show, of those that began since a time.

    Runs that were stopped or skipped say nothing about the job, nor do those that failed for want
    of capacity (`NOT_OF_THE_CODE`). A failure from before `settled_at` is not held against it: the
    row may have asked for something else in the meantime, and come back before that was recorded.

    Parameters
    ----------
    runs
        Rows of runs, in any order.
    """
    ended = {run[Field.TRIGGER_ID]: run for run in runs if _decides(run, since, settled_at)}
    deciding = sorted(ended.values(), key=_by_end)[:count]
    succeeded = sum(run[Field.STATUS] == RunStatus.SUCCEEDED for run in deciding)
    for run in deciding:
        if run[Field.STATUS] != RunStatus.SUCCEEDED:
            return CanaryProgress(CanaryVerdict.FAILED, succeeded, _id(run))
    if succeeded == count:
        return CanaryProgress(CanaryVerdict.PASSED, succeeded, _id(deciding[-1]))
    return CanaryProgress(CanaryVerdict.OPEN, succeeded)


def _decides(run: Mapping[str, Any], since: datetime, settled_at: datetime | None) -> bool:
    if run.get(Field.STATUS) not in COUNTED or _id(run) <= iso(since):
        return False
    if run[Field.STATUS] == RunStatus.SUCCEEDED:
        return True
    is_unsettled = settled_at is not None and _id(run) <= iso(settled_at)
    return not is_unsettled and run.get(Field.ERROR) not in NOT_OF_THE_CODE


def _by_end(run: Mapping[str, Any]) -> tuple[str, str]:
    return str(run.get(Field.ENDED_AT) or ""), _id(run)


def _id(run: Mapping[str, Any]) -> str:
    return str(run[Field.TRIGGER_ID])


def _are_all_kept(
    history: RunHistory, job: Job, since: datetime, runs: Iterable[Mapping[str, Any]]
) -> bool:
    """Tell whether no run since a time was deleted by the job's `history_limit`, oldest first."""
    limit = job.history_limit
    if limit is None or sum(run.get(Field.STATUS) in FINAL for run in runs) < limit:
        return True
    older = history.begun_before(job.job_name, iso(since), _OLDER)
    return any(run.get(Field.STATUS) in FINAL for run in older)
