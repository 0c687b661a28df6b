"""One action on many jobs or runs: chosen, counted, confirmed, and then done in small steps.

Whoever looks at an operation takes it a step further, so nothing waits and nothing runs on its own.
Each step may be taken twice: every action on one target has the same effect a second time.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProvisionerError,
    StaleError,
    TemporaryError,
)
from provisioner.runs.model import RunStatus
from provisioner.service import all_runs, deletions, jobs, rerun, retry, runs, schedule
from provisioner.service.audit import recorded
from provisioner.service.rights import Action
from provisioner.service.run_lines import line_of
from provisioner.service.start_run import start_run
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provisioner.service.context import Service

_log = logging.getLogger(__name__)

MOST = 500
"""Targets of one operation: what a person can look through before, and its item has room for."""

STEP = 10
"""Targets of one step: some seconds."""

_LOOKED_THROUGH = 20
"""Pages of a list that a filter is held against."""

_PAGE = 100
_REASON_CHARACTERS = 200
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


@dataclass(frozen=True, slots=True)
class Failure:
    """A target that the action could not be done to."""

    target: Target
    message: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """An operation; the first `done` of its targets have had their turn."""

    id: str
    action: BulkAction
    reason: str
    by: str
    created_at: datetime
    targets: tuple[Target, ...]
    done: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether every target has had its turn."""
        return self.done >= len(self.targets)


def select(service: Service, action: BulkAction, wanted: Filter) -> tuple[Target, ...]:
    """Return what a filter means for an action, to be shown before anything is done.

    Raises
    ------
    InvalidRequestError
        If the filter is empty, or means more than `MOST`.
    """
    if wanted.is_empty:
        message = "the filter is empty: it would mean everything. Choose a status, a job, a tag"
        raise InvalidRequestError(message)
    found = _runs(service, action, wanted) if action.is_of_runs else _jobs(service, wanted)
    targets = tuple(islice(found, MOST + 1))
    _bounded(targets)
    return targets


def begin(
    service: Service,
    action: BulkAction,
    targets: Sequence[Target],
    *,
    reason: str,
    expected_count: int,
) -> Bulk:
    """Keep an operation, whose steps `step` takes.

    Parameters
    ----------
    expected_count
        How many targets its author has seen.

    Raises
    ------
    InvalidRequestError
        If there is no target, there are too many, or others than its author has seen, or no reason.
    """
    chosen = tuple(dict.fromkeys(targets))
    _bounded(chosen)
    if not chosen:
        raise InvalidRequestError("nothing is selected")
    if any((each.run is not None) != action.is_of_runs for each in chosen):
        kind = "runs" if action.is_of_runs else "jobs"
        raise InvalidRequestError(f"{action} is for {kind}")
    if len(chosen) != expected_count:
        message = f"there are {len(chosen)} now, not {expected_count}: look through them again"
        raise StaleError(message)
    if not reason.strip():
        raise InvalidRequestError("say why: the reason is kept with each of them")
    now = service.clock()
    made = Bulk(
        f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        action,
        reason.strip()[:_REASON_CHARACTERS],
        service.caller().label,
        now,
        chosen,
    )
    detail = f"{made.id}: {action} of {len(chosen)}, {made.reason}"
    with recorded(service, Action.BULK, detail=detail):
        service.bulks.put(made.id, _values(made), now)
    return made


def progress(service: Service, bulk_id: str) -> Bulk:
    """Return how far an operation has come.

    Raises
    ------
    NotFoundError
        If there is none, or it is no longer kept.
    """
    item = service.bulks.get(bulk_id)
    if item is None:
        message = f"there is no bulk operation {bulk_id}: they are kept for 30 days"
        raise NotFoundError(message)
    return _bulk(bulk_id, item)


def step(service: Service, bulk_id: str) -> Bulk:
    """Do the action to the next targets, and return how far it has come then.

    Of two callers at once one records the step; what both have done is done once.

    Raises
    ------
    NotFoundError
        If there is no such operation.
    TemporaryError
        If every target fails with one, so that AWS is out of order: take the step again.
    """
    bulk = progress(service, bulk_id)
    if bulk.is_over:
        return bulk
    chosen = bulk.targets[bulk.done : bulk.done + STEP]
    failed = [(target, error) for target in chosen if (error := _attempted(service, bulk, target))]
    down = [error for _, error in failed if _is_of_aws(error)]
    if len(down) == len(chosen):
        raise down[0]
    failures = [*bulk.failures, *(Failure(target, _said(error)) for target, error in failed)]
    done = bulk.done + len(chosen)
    service.bulks.advance(bulk_id, bulk.done, done, [_failure(each) for each in failures])
    return progress(service, bulk_id)


def _attempted(service: Service, bulk: Bulk, target: Target) -> Exception | None:
    """Do the action to one target, and return why it could not be done."""
    try:
        _ACTIONS[bulk.action](service, bulk, target)
    except Exception as error:  # noqa: BLE001  (whatever one target does, others go on)
        if not isinstance(error, ProvisionerError):
            _log.warning("%s of %s failed: %s", bulk.action, target, _said(error))
        return error
    return None


def _is_of_aws(error: Exception) -> bool:
    """Whether the same may succeed in a moment, and nobody has to look at anything before."""
    return isinstance(error, TemporaryError) and not isinstance(error, ConflictError)


def _said(error: Exception) -> str:
    """Return what a person reads of an error; of one that nobody expected only its kind."""
    return str(error) if isinstance(error, ProvisionerError) else type(error).__name__


def _bounded(targets: Sequence[Target]) -> None:
    if len(targets) > MOST:
        message = f"more than {MOST} are meant: narrow the filter, or take them in parts"
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
    cursor: str | None = None
    for _ in range(_LOOKED_THROUGH):
        found = jobs.page(
            service,
            _PAGE,
            prefix=wanted.prefix,
            status=_status(JobStatus, wanted.status),
            type=wanted.type,
            owner=wanted.owner,
            tag=wanted.tag,
            cursor=cursor,
        )
        yield from (Target(line.job_name) for line in found.jobs)
        cursor = found.cursor
        if cursor is None:
            return


def _status(kind: Any, text: str | None) -> Any:  # noqa: ANN401  (either kind of status)
    if text is not None and text not in set(kind):
        message = f'"{text}" is not a status; it is one of {", ".join(kind)}'
        raise InvalidRequestError(message)
    return None if text is None else kind(text)


def _stop(service: Service, bulk: Bulk, target: Target) -> None:
    runs.stop(service, target.job_name, target.run, bulk.reason)


def _run_again(service: Service, bulk: Bulk, target: Target) -> None:
    request = rerun.request_of(service, target.job_name, str(target.run), key=f"{bulk.id}/{target}")
    start_run(service, target.job_name, request)


def _pause(service: Service, bulk: Bulk, target: Target) -> None:
    schedule.pause(service, target.job_name, bulk.reason)


def _resume(service: Service, _bulk: Bulk, target: Target) -> None:
    schedule.turn_on(service, target.job_name)


def _retry(service: Service, _bulk: Bulk, target: Target) -> None:
    for each in retry.prepare_retry(service, [target.job_name], expect_all=False):
        retry.retry(service, each.job_name)


def _delete(service: Service, _bulk: Bulk, target: Target) -> None:
    deletions.delete(service, target.job_name)


_ACTIONS = {
    BulkAction.STOP_RUNS: _stop,
    BulkAction.RUN_AGAIN: _run_again,
    BulkAction.PAUSE_SCHEDULES: _pause,
    BulkAction.RESUME_SCHEDULES: _resume,
    BulkAction.RETRY_JOBS: _retry,
    BulkAction.DELETE_JOBS: _delete,
}


def _values(bulk: Bulk) -> dict[str, object]:
    return {
        "action": bulk.action,
        "reason": bulk.reason,
        "by": bulk.by,
        "created_at": bulk.created_at.isoformat(),
        "targets": [str(target) for target in bulk.targets],
        "done": 0,
        "failures": [],
    }


def _failure(failure: Failure) -> dict[str, str]:
    return {"target": str(failure.target), "message": failure.message[:_REASON_CHARACTERS]}


def _bulk(bulk_id: str, item: Mapping[str, Any]) -> Bulk:
    return Bulk(
        bulk_id,
        BulkAction(item["action"]),
        item["reason"],
        item["by"],
        datetime.fromisoformat(item["created_at"]),
        tuple(Target.parse(text) for text in item["targets"]),
        int(item["done"]),
        tuple(Failure(Target.parse(each["target"]), each["message"]) for each in item["failures"]),
    )
