"""Reconcile queue: reconcile the jobs that its messages name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.batch import RecordBatch, failures
from provisioner.entrypoints.function import function, send_to_dead_letter_queue
from provisioner.entrypoints.reconciling import (
    TIME_TO_QUEUE_MILLISECONDS,
    drift_error,
    forget,
    queued_again,
    queued_alone,
    reconcile,
    remove_old_code,
)
from provisioner.errors import PermanentError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.events import ReconcileRequest

MAX_RECEIVES = 5
"""The queue's `maxReceiveCount`: what fails that often is handed over no more."""

_ALONE_FROM = 2
"""A job that was given to a function before, and is there again, may have been its death."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A message, what it asks for, and how often a function was given that."""

    record: Any
    request: ReconcileRequest
    receives: int


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Reconcile the jobs of a batch of messages; those that fail stay in the queue.

    What failed for the moment only is sent again, so that no outage, however long, fills the
    dead-letter queue. What fails otherwise gets there with its reason when it has failed for the
    last time, and what cannot be read at once. A job that was given to a function before comes
    last, alone: whatever it does to the function, its neighbours are done and out of the queue.
    """
    batch = RecordBatch(event["Records"], _given)
    given = [each for _, each in batch.read]
    suspects = [each for each in given if each.receives >= _ALONE_FROM]
    again = _reconciled(runtime, [each for each in given if each.receives < _ALONE_FROM], context)
    again += batch.send_unreadable(runtime, "reconcile_queue")
    if suspects:
        kept = [*again, *(each.record for each in suspects)]
        done = [record for record in event["Records"] if record not in kept]
        again += _alone(runtime, suspects, done, context)
    return failures(again)


def _given(record: Any) -> _Given:  # noqa: ANN401  (SQS's)
    request = events.of_queue_message(record["body"])
    receives = request.receives + int(record["attributes"]["ApproximateReceiveCount"])
    return _Given(record, request, receives)


def _reconciled(runtime: Runtime, given: Sequence[_Given], context: LambdaContext) -> list[Any]:
    """Reconcile jobs; return the records that must be delivered again."""
    retry = frozenset(each.request.job_name for each in given if each.request.retry)
    confirmed = frozenset(each.request.job_name for each in given if each.request.confirm_deletion)
    asked = [each.request for each in given if not each.request.detect_drift]
    fully = {request.job_name for request in asked if not request.check_code}
    names = [request.job_name for request in asked]
    errors = reconcile(runtime, names, context, retry, confirmed, frozenset(names) - fully)
    return [
        each.record
        for each in given
        if not _settled(runtime, each, _error(runtime, each.request, errors))
    ]


def _alone(
    runtime: Runtime, suspects: list[_Given], done: list[Any], context: LambdaContext
) -> list[Any]:
    """Reconcile one job in an invocation of its own; send the others on."""
    chosen, *others = sorted(suspects, key=lambda each: each.receives, reverse=True)
    if context.get_remaining_time_in_millis() < TIME_TO_QUEUE_MILLISECONDS:
        others.append(chosen)
    # This time they were not reconciled, so it does not count.
    moved = [
        each for each in others if queued_alone(runtime, each.request, each.receives - 1) is None
    ]
    again = [each.record for each in others if each not in moved]
    if chosen in others:
        return again
    forget(runtime, [*done, *(each.record for each in moved)])
    if chosen.receives > MAX_RECEIVES:
        error = PermanentError(f"the function ended over this job {chosen.receives - 1} times")
        return again + ([] if _to_dead_letter_queue(runtime, chosen, error) else [chosen.record])
    return again + _reconciled(runtime, [chosen], context)


def _error(
    runtime: Runtime, request: ReconcileRequest, errors: Mapping[str, Exception]
) -> Exception | None:
    if not request.detect_drift:
        return errors.get(request.job_name)
    remove_old_code(runtime, request.job_name)
    return drift_error(runtime, request.job_name)


def _settled(runtime: Runtime, given: _Given, error: Exception | None) -> bool:
    """Say whether SQS may forget a message."""
    match error:
        case None:
            return True
        case TemporaryError():
            return queued_again(runtime, given.request) is None
        case Exception() if given.receives >= MAX_RECEIVES:
            return _to_dead_letter_queue(runtime, given, error)
        case _:
            return False


def _to_dead_letter_queue(runtime: Runtime, given: _Given, error: Exception) -> bool:
    return send_to_dead_letter_queue(
        runtime, given.record["body"], error, "reconcile_queue", given.request.job_name
    )
