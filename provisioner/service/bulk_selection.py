"""Which jobs and runs an action on many means, before it begins: by a filter, as they are now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.errors import InvalidRequestError
from provisioner.runs.model import RunStatus
from provisioner.service import all_runs, jobs, runs
from provisioner.service.rights import Action
from provisioner.service.run_lines import line_of
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provisioner.service.context import Service

MOST = 500
"""Targets of one operation: what a person can look through before, and its item has room for."""

_LOOKED_THROUGH = 8
"""Pages of all runs that a filter is held against; of each shard a megabyte, some 2,500 runs."""

_PAGE = MOST + 1
_DEFAULT_SPAN = timedelta(days=1)


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

_OPEN = (RunStatus.RUNNING, RunStatus.QUEUED)
_NOT_OPEN = tuple(status for status in RunStatus if status not in _OPEN)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs or runs are meant; a filter that says nothing means none, not all.

    Attributes
    ----------
    job, since, error_group
        Of runs. Without `since`, those of the last day.
    prefix, type, owner, tag
        Of jobs.
    status
        Of either.
    """

    job: str | None = None
    status: str | None = None
    since: datetime | None = None
    error_group: str | None = None
    prefix: str = ""
    type: str | None = None
    owner: str | None = None
    tag: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not any((self.job, self.status, self.since, self.error_group, self.prefix)) and not (
            self.type or self.owner or self.tag
        )


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


def select(service: Service, action: BulkAction, wanted: Filter) -> tuple[Target, ...]:
    """Return what a filter means for an action, to be shown before anything is done.

    Raises
    ------
    InvalidRequestError
        If the filter is empty, or means more than `MOST`.
    """
    if wanted.is_empty:
        message = (
            "the filter is empty, so it would match everything: choose a status, a job or a tag"
        )
        raise InvalidRequestError(message)
    found = _runs(service, action, wanted) if action.is_of_runs else _jobs(service, wanted)
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


def _runs(service: Service, action: BulkAction, wanted: Filter) -> Iterator[Target]:
    possible = _OPEN if action is BulkAction.STOP_RUNS else _NOT_OPEN
    for item in _listed(service, wanted):
        line = line_of(item)
        fits = (
            line.status in possible
            and wanted.status in (None, line.status)
            and wanted.job in (None, line.job_name)
            and wanted.error_group in (None, line.error_group)
        )
        if fits:
            yield Target(line.job_name, line.run)


def _listed(service: Service, wanted: Filter) -> Iterator[Mapping[str, Any]]:
    """Yield runs, newest first, as far back as a person would look."""
    since = wanted.since or service.clock() - _DEFAULT_SPAN
    status = _status(RunStatus, wanted.status)
    if wanted.job:
        count = MOST * 2
        yield from runs.latest(service, wanted.job, count, since=since, status=status)
        return
    cursor: str | None = None
    for _ in range(_LOOKED_THROUGH):
        found = all_runs.page(service, _PAGE, since=since, status=status, cursor=cursor)
        yield from found.runs
        cursor = found.cursor
        if cursor is None:
            return


def _jobs(service: Service, wanted: Filter) -> Iterator[Target]:
    found = jobs.names(
        service,
        prefix=wanted.prefix,
        status=_status(JobStatus, wanted.status),
        type=wanted.type,
        owner=wanted.owner,
        tag=wanted.tag,
    )
    return map(Target, found)


def _status(kind: Any, text: str | None) -> Any:  # noqa: ANN401  (either kind of status)
    if text is not None and text not in set(kind):
        message = f'"{text}" is not a status; it is one of {", ".join(kind)}'
        raise InvalidRequestError(message)
    return None if text is None else kind(text)
