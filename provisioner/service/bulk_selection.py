"""Which jobs and runs an action on many means, before it begins: by a filter, as they are now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError
from provisioner.runs.model import RunStatus
from provisioner.service import jobs, run_search
from provisioner.service.rights import Action
from provisioner.service.run_search import OPEN, RunFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provisioner.service.context import Service
    from provisioner.service.jobs import JobsWanted
    from provisioner.service.run_lines import RunLine

MOST = 500
"""Targets of one operation: what a person can look through before, and its item has room for."""

_LOOKED_THROUGH = 8
"""Pages of runs that a filter is held against; of each shard a megabyte, some 2,500 runs."""

_TOO_MANY = "there are too many runs to look through: narrow the filter, by job, status or time"
_PAGE = MOST + 1
_ENDED = tuple(status for status in RunStatus if status not in OPEN)


class BulkAction(StrEnum):
    """What is done to each target."""

    STOP_RUNS = "stop_runs"
    RUN_AGAIN = "run_again"
    PAUSE_SCHEDULES = "pause_schedules"
    RESUME_SCHEDULES = "resume_schedules"
    RETRY_JOBS = "retry_jobs"
    DELETE_JOBS = "delete_jobs"

    @property
    def needs(self) -> Action:
        """What a caller must be allowed to do to one target."""
        return _NEEDS[self]

    @property
    def is_of_runs(self) -> bool:
        """Whether the targets are runs."""
        return self in (BulkAction.STOP_RUNS, BulkAction.RUN_AGAIN)


_NEEDS = {
    BulkAction.STOP_RUNS: Action.STOP_RUN,
    BulkAction.RUN_AGAIN: Action.START_RUN,
    BulkAction.PAUSE_SCHEDULES: Action.PAUSE_SCHEDULE,
    BulkAction.RESUME_SCHEDULES: Action.RESUME_SCHEDULE,
    BulkAction.RETRY_JOBS: Action.RETRY_JOB,
    BulkAction.DELETE_JOBS: Action.DELETE_ROW,
}


@dataclass(frozen=True, slots=True)
class Target:
    """A job, or one run of it."""

    job_name: str
    run: str | None = None

    def __str__(self) -> str:
        return self.job_name if self.run is None else f"{self.job_name}/{self.run}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read what `str` has made."""
        job_name, _, run = text.partition("/")
        return cls(job_name, run or None)


def select(
    service: Service, action: BulkAction, wanted: RunFilter | JobsWanted
) -> tuple[Target, ...]:
    """Return what a filter means for an action, to be shown before anything is done.

    Parameters
    ----------
    wanted
        Which runs, if the action is for runs, else which jobs; not all.

    Raises
    ------
    InvalidRequestError
        If the filter is empty, means more than `MOST`, or needs too many runs to be looked through.
    """
    if wanted == type(wanted)():
        message = (
            "the filter is empty, so it would match everything: choose a status, a job or a tag"
        )
        raise InvalidRequestError(message)
    if isinstance(wanted, RunFilter):
        found = _runs(service, wanted, stop=action is BulkAction.STOP_RUNS)
    else:
        found = map(Target, jobs.names(service, wanted))
    targets = tuple(islice(found, MOST + 1))
    require_bounded(targets)
    return targets


def digest_of(targets: Iterable[Target]) -> str:
    """Return what tells targets from all others, in whatever order they are: 32 hex digits."""
    said = "\n".join(sorted({str(each) for each in targets}))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def require_bounded(targets: Sequence[Target]) -> None:
    """Refuse more targets than one operation may have."""
    if len(targets) > MOST:
        message = f"more than {MOST} match: narrow the filter, or do it in parts"
        raise InvalidRequestError(message)


def _runs(service: Service, wanted: RunFilter, *, stop: bool) -> Iterator[Target]:
    """Yield those of the runs that can be stopped, or that have ended and can run again."""
    statuses = OPEN if stop and wanted.status is None else (wanted.status,)
    for status in statuses:
        for run in _found(service, replace(wanted, status=status)):
            if run.status in (OPEN if stop else _ENDED):
                yield Target(run.job_name, run.run)


def _found(service: Service, wanted: RunFilter) -> Iterator[RunLine]:
    """Yield runs, newest first.

    Raises
    ------
    InvalidRequestError
        If there are more to look through than one request can: what is found would not be all.
    """
    cursor: str | None = None
    for _ in range(_LOOKED_THROUGH):
        found = run_search.page(service, wanted, _PAGE, cursor=cursor)
        yield from found.runs
        cursor = found.cursor
        if cursor is None:
            return
    raise InvalidRequestError(_TOO_MANY)
