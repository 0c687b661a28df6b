"""One action on many jobs or runs: chosen, counted, confirmed, and then done in small steps.

Whoever looks at an operation takes it a step further, so nothing waits and nothing runs on its own.
Each step may be taken twice: every action on one target has the same effect a second time.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProvisionerError,
    StaleError,
    TemporaryError,
)
from provisioner.runs import keys
from provisioner.runs.model import time_of
from provisioner.service import edits, rerun, retry, runs, schedule
from provisioner.service.audit import recorded
from provisioner.service.bulk_selection import BulkAction, Target, digest_of, require_bounded
from provisioner.service.rights import Action
from provisioner.service.start_run import KeyReusedError, start_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provisioner.service.context import Service

_log = logging.getLogger(__name__)

STEP = 10
"""Targets of one step: some seconds."""

_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Key:
    """What stands for one request to begin an operation, however often it is sent.

    Attributes
    ----------
    name
        The idempotency key.
    request
        What it was first sent with.
    """

    name: str
    request: str

    @property
    def bulk_id(self) -> str:
        """The id of the one operation that it stands for."""
        return f"key-{_digest(self.name)}"

    @property
    def request_digest(self) -> str:
        """What tells this request from another one with the same key."""
        return _digest(self.request)


@dataclass(frozen=True, slots=True)
class BulkFailure:
    """A target that the action could not be done to."""

    target: Target
    message: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """An operation; the first `done` of its targets have been processed.

    Attributes
    ----------
    rows
        The ETags of the rows to be deleted as they were when it began, by job.
    """

    id: str
    action: BulkAction
    reason: str
    by: str
    created_at: datetime
    targets: tuple[Target, ...]
    done: int = 0
    failures: tuple[BulkFailure, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether every target has had its turn."""
        return self.done >= len(self.targets)


@dataclass(frozen=True, slots=True)
class BulkLine:
    """An operation as a line of a list.

    Attributes
    ----------
    targets, done, failed
        How many there are, how many of them had their turn, and for how many of these it failed.
    """

    id: str
    action: BulkAction
    reason: str
    by: str
    created_at: datetime
    targets: int
    done: int
    failed: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class BulkList:
    """Operations of the last 30 days, newest first; there may be others unless `complete`."""

    lines: tuple[BulkLine, ...]
    complete: bool


def newest(service: Service) -> BulkList:
    """Return the operations of the last 30 days, with a request for each megabyte, three at most.

    What somebody has written there that is not an operation is left out.
    """
    items, complete = service.bulks.all(service.clock())
    lines = sorted(_lines(items), key=lambda line: (line.created_at, line.id), reverse=True)
    return BulkList(tuple(lines), complete)


def _lines(items: Iterable[Mapping[str, Any]]) -> Iterator[BulkLine]:
    for item in items:
        bulk_id = keys.bulk_of(item["trigger_id"])
        try:
            yield _line(_bulk(bulk_id, item))
        except ValueError as error:
            _log.warning("the bulk operation %s cannot be read (%s)", bulk_id, error)


def _line(bulk: Bulk) -> BulkLine:
    counts = len(bulk.targets), bulk.done, len(bulk.failures)
    at = bulk.created_at.astimezone(UTC)
    return BulkLine(bulk.id, bulk.action, bulk.reason, bulk.by, at, *counts, bulk.is_over)


def begin(
    service: Service,
    action: BulkAction,
    targets: Sequence[Target],
    *,
    reason: str,
    expected_count: int,
    expected: str | None = None,
    key: Key | None = None,
) -> Bulk:
    """Keep an operation, whose steps `step` takes.

    Parameters
    ----------
    expected_count
        How many targets its author has seen.
    expected
        Which ones, as `digest_of` has them; None for whichever these are.
    key
        What the operation is named after; ask `begun` for it first.

    Raises
    ------
    InvalidRequestError
        If there is no target, there are too many, or others than its author has seen, or no reason.
    ConflictError
        If the same key begins an operation at this moment.
    """
    chosen = tuple(dict.fromkeys(targets))
    require_bounded(chosen)
    if not chosen:
        raise InvalidRequestError("nothing is selected")
    if any((each.run is not None) != action.is_of_runs for each in chosen):
        kind = "runs" if action.is_of_runs else "jobs"
        raise InvalidRequestError(f"{action} is for {kind}")
    if len(chosen) != expected_count:
        message = f"{len(chosen)} match now, not {expected_count}: check them again"
        raise StaleError(message)
    if expected is not None and expected != digest_of(chosen):
        message = f"{len(chosen)} match as before, but others: check them again"
        raise StaleError(message)
    if not reason.strip():
        raise InvalidRequestError("give a reason: it is recorded in the audit for each of them")
    now = service.clock()
    made = Bulk(
        key.bulk_id if key else f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        action,
        reason.strip()[:_REASON_CHARACTERS],
        service.caller().label,
        now,
        chosen,
        rows=_rows(service, chosen) if action is BulkAction.DELETE_JOBS else {},
    )
    detail = f"{made.id}: {action} of {len(chosen)}, {made.reason}"
    values = _values(made) | ({"request": key.request_digest} if key else {})
    with recorded(service, Action.BULK, detail=detail):
        if not service.bulks.put(made.id, values, now):
            raise ConflictError("a request with the same idempotency key is being answered")
    return made


def begun(service: Service, key: Key) -> Bulk | None:
    """Return the operation that a key has begun before; None if it has not.

    Raises
    ------
    KeyReusedError
        If the key was used for another request.
    """
    item = service.bulks.get(key.bulk_id)
    if item is None:
        return None
    if item.get("request") != key.request_digest:
        message = f"the idempotency key was used before, for another request: {key.bulk_id}"
        raise KeyReusedError(message)
    return _bulk(key.bulk_id, item)


def progress(service: Service, bulk_id: str) -> Bulk:
    """Return how far an operation has come.

    Raises
    ------
    NotFoundError
        If there is none, or it has expired.
    """
    item = service.bulks.get(bulk_id)
    try:
        if item is not None:
            return _bulk(bulk_id, item)
    except ValueError as error:
        message = f"what is kept of the bulk action {bulk_id} cannot be read: {error}"
        raise NotFoundError(message) from error
    message = f"there is no bulk action {bulk_id}; they are kept for 30 days"
    raise NotFoundError(message)


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
    acting = replace(service, because=f"{bulk.reason} ({bulk.id})")
    failed = [(target, error) for target in chosen if (error := _attempted(acting, bulk, target))]
    down = [error for _, error in failed if _is_of_aws(error)]
    if len(down) == len(chosen):
        raise down[0]
    failures = [*bulk.failures, *(BulkFailure(target, _said(error)) for target, error in failed)]
    done = bulk.done + len(chosen)
    service.bulks.advance(bulk_id, bulk.done, done, [_failure(each) for each in failures])
    return progress(service, bulk_id)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _attempted(service: Service, bulk: Bulk, target: Target) -> Exception | None:
    """Do the action to one target, and return why it could not be done."""
    try:
        _ACTIONS[bulk.action](service, bulk, target)
    except Exception as error:  # noqa: BLE001  (whatever one target does, others continue)
        if not isinstance(error, ProvisionerError):
            said, about = _said(error), {"job_name": target.job_name}
            _log.warning("%s of %s failed: %s", bulk.action, target, said, extra=about)
        return error
    return None


def _is_of_aws(error: Exception) -> bool:
    """Whether the same may succeed in a moment, and nobody has to look at anything before."""
    return isinstance(error, TemporaryError) and not isinstance(error, ConflictError)


def _said(error: Exception) -> str:
    """Return what a person reads of an error; of one that nobody expected only its kind."""
    return str(error) if isinstance(error, ProvisionerError) else type(error).__name__


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


def _delete(service: Service, bulk: Bulk, target: Target) -> None:
    """Delete a row that is what it was when the operation began; it may be gone by now."""
    seen = bulk.rows.get(target.job_name)
    if seen is None:
        service.existing_row(target.job_name)
        message = f"{target.job_name} is not as it was when the deletion began"
        raise StaleError(message)
    if service.row(target.job_name) is not None:
        edits.delete(service, target.job_name, seen)


def _rows(service: Service, targets: Iterable[Target]) -> Mapping[str, str]:
    rows = service.jobs.get_many([each.job_name for each in targets])
    return {name: edits.etag_of(row) for name, row in rows.items()}


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
        "rows": dict(bulk.rows),
    }


def _failure(failure: BulkFailure) -> dict[str, str]:
    return {"target": str(failure.target), "message": failure.message[:_REASON_CHARACTERS]}


def _bulk(bulk_id: str, item: Mapping[str, Any]) -> Bulk:
    """Read an operation.

    Raises
    ------
    ValueError
        If it is none: developers may write the table.
    """
    try:
        return _checked(bulk_id, item)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(repr(error)) from error


def _checked(bulk_id: str, item: Mapping[str, Any]) -> Bulk:
    reason, by, at = item["reason"], item["by"], item["created_at"]
    targets, done = tuple(map(Target.parse, item["targets"])), int(item["done"])
    created_at = time_of(at) or time_of(f"{at}Z")
    if not isinstance(reason, str) or not isinstance(by, str) or created_at is None:
        message = "its author, reason or time is none"
        raise ValueError(message)
    if not 0 <= done <= len(targets):
        message = f"{done} of {len(targets)} cannot be done"
        raise ValueError(message)
    failures = (BulkFailure(Target.parse(f["target"]), str(f["message"])) for f in item["failures"])
    rows = item.get("rows", {})  # absent from those of earlier versions
    return Bulk(
        bulk_id,
        BulkAction(item["action"]),
        reason,
        by,
        created_at,
        targets,
        done,
        tuple(failures),
        rows,
    )
