"""What the functions that reconcile share: the reconciler, made once, its log and its counts.

Importing this is most of a cold start, so the garbage collector stays out of it, and what was
imported is never scanned by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.cold_start import collector_paused

with collector_paused():
    # The runtime imports these when it is asked, which is during the first invocation: too late.
    import templates  # noqa: F401
    from provisioner.aws import (  # noqa: F401
        artifact_index,
        artifacts,
        builds,
        cloudformation,
        deletion_budget,
        dependants,
        executions,
        rate_limits_table,
        reconcile_queue,
        subnets,
    )
    from provisioner.entrypoints.function import about, logger
    from provisioner.entrypoints.metrics import Count
    from provisioner.errors import TemporaryError, ThrottledError
    from provisioner.events import ReconcileRequest
    from provisioner.stacks import reconcile as _  # noqa: F401
    from provisioner.stacks.actions import ContinueRollback, Create, Delete, Update
    from provisioner.stacks.built_code import remove_old
    from provisioner.stacks.drift import detect_drift
    from provisioner.stacks.model import StackRecord
    from provisioner.stacks.outcomes import Done, Failed, RateLimited, Reconciled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime

RETRY_DELAY_SECONDS = 10
"""Before a job is reconciled again whose reconcile failed; twice as long each further time."""

_LONGEST_DOUBLING = 5

TIME_TO_QUEUE_MILLISECONDS = 15_000
"""Kept of the function's time to queue up to a hundred jobs that it does not suffice for."""


_OPERATIONS: dict[type[object], Count] = {
    Create: Count.CREATES,
    Update: Count.UPDATES,
    Delete: Count.DELETES,
    ContinueRollback: Count.CONTINUED_ROLLBACKS,
}


def reconcile(
    runtime: Runtime,
    job_names: Iterable[str],
    context: LambdaContext,
    retry: frozenset[str] = frozenset(),
    confirmed: frozenset[str] = frozenset(),
    check_code: frozenset[str] = frozenset(),
) -> dict[str, Exception]:
    """Reconcile jobs and log what came of each; return what to requeue, with its error.

    Jobs for which the function's time does not suffice are among it. The failures of jobs in
    `retry` are reset first; the stacks of those in `confirmed` may be deleted though many others
    are; for those in `check_code` only other code is a reason to do something.
    """
    names = list(dict.fromkeys(job_names))
    errors: dict[str, Exception] = dict.fromkeys(names, TemporaryError("there was no time left"))
    asks = {"retry": retry, "confirmed": confirmed, "check_code": check_code}
    for job_name, result in _results(runtime, names, asks):
        del errors[job_name]
        _log(runtime, job_name, result)
        _count(runtime, result)
        if result.to_requeue is not None:
            errors[job_name] = result.to_requeue
        if context.get_remaining_time_in_millis() < TIME_TO_QUEUE_MILLISECONDS:
            break
    return errors


def _results(
    runtime: Runtime, names: list[str], asks: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Reconciled]]:
    """Yield the result of each job. What fails for all of them at once is tried for each alone.

    So a row that cannot even be read keeps only its own job from being reconciled.
    """
    left = dict.fromkeys(names)
    failed: Exception | None = None
    try:
        results = runtime.reconciler.reconcile(names, **asks)
        for job_name, result in results:
            del left[job_name]
            yield job_name, result
    except Exception as error:  # noqa: BLE001  (whatever it is, the jobs are reconciled again)
        failed = error
    if failed is None:
        return
    for job_name in left:
        if len(names) == 1 or isinstance(failed, TemporaryError):
            yield job_name, Reconciled(None, Failed(failed), StackRecord(job_name))
        else:
            yield from _results(runtime, [job_name], asks)


def _log(runtime: Runtime, job_name: str, result: Reconciled) -> None:
    with about(runtime, job_name, result.record.spec_digest):
        if isinstance(result.outcome, Failed):
            logger.error("reconcile failed", exc_info=result.outcome.error)
            return
        logger.info(
            "reconciled",
            action=type(result.action).__name__ if result.action else None,
            outcome=type(result.outcome).__name__,
            status=result.record.status,
        )


def _count(runtime: Runtime, result: Reconciled) -> None:
    operation = _OPERATIONS.get(type(result.action))
    match result.outcome:
        case Done() if operation is not None:
            runtime.metrics.count(operation)
        case RateLimited():
            runtime.metrics.count(Count.RECONCILES_RATE_LIMITED)
        case Failed(error):
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            if isinstance(error, ThrottledError):
                runtime.metrics.count(Count.THROTTLED_CALLS)
        case _:
            pass


def reconcile_or_queue(
    runtime: Runtime, job_names: Iterable[str], context: LambdaContext
) -> dict[str, Exception]:
    """Reconcile jobs; what fails is queued, so that nothing behind it in a stream has to wait.

    Returns
    -------
    dict
        The jobs that could not even be queued: their records must be delivered again.
    """
    lost: dict[str, Exception] = {}
    for job_name in reconcile(runtime, job_names, context):
        error = queued_again(runtime, ReconcileRequest(job_name))
        if error is not None:
            lost[job_name] = error
    return lost


def queued_for_later(runtime: Runtime, job_names: Iterable[str]) -> bool:
    """Queue jobs that a stream has kept for long, each to be reconciled alone; False if that fails.

    The function may have ended over one of them, and nobody can tell over which.
    """
    names = list(job_names)
    try:
        runtime.reconcile_queue.send_many(dict.fromkeys(names, 0), receives=1)
    except Exception:
        logger.exception("queueing failed", job_names=names)
        runtime.metrics.count(Count.RECONCILE_ERRORS)
        return False
    return True


def queued_alone(runtime: Runtime, request: ReconcileRequest, receives: int) -> Exception | None:
    """Queue a job that may be a function's death; return what kept it from being queued."""
    return _queued(runtime, request, receives=receives)


def forget(runtime: Runtime, records: Iterable[Mapping[str, Any]]) -> None:
    """Take messages out of the queue at once, for the function may end before it can say so."""
    received = [record for record in records if "receiptHandle" in record]
    try:
        runtime.reconcile_queue.forget([record["receiptHandle"] for record in received])
    except Exception:  # they are delivered again, as when the function ends
        ids = [record.get("messageId") for record in received]
        logger.exception("taking messages out of the queue failed", message_ids=ids)
        runtime.metrics.count(Count.RECONCILE_ERRORS)


def drift_error(runtime: Runtime, job_name: str) -> Exception | None:
    """Start drift detection on a job's stack; return what went wrong."""
    try:
        started = detect_drift(runtime.ports, job_name, runtime.chance)
    except Exception as error:
        with about(runtime, job_name):
            logger.exception("drift detection failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
        return error
    with about(runtime, job_name):
        logger.info("drift detection", started=started)
    return None


def remove_old_code(runtime: Runtime, job_name: str) -> None:
    """Remove what a job's builds have left and it needs no more; what fails is for the next day."""
    with about(runtime, job_name):
        try:
            record = runtime.stacks.get_many([job_name]).get(job_name)
            images = remove_old(runtime.built_images, record)
            archives = remove_old(runtime.built_archives, record)
        except Exception:
            logger.exception("old results of builds stay")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            return
        if images or archives:
            logger.info("old results of builds removed", images=images, archives=archives)


def queued_again(runtime: Runtime, request: ReconcileRequest) -> Exception | None:
    """Queue a job whose reconcile failed; return what kept it from being queued."""
    delay_seconds = RETRY_DELAY_SECONDS * 2 ** min(request.tries, _LONGEST_DOUBLING)
    return _queued(runtime, request, delay_seconds=delay_seconds, tries=request.tries + 1)


def _queued(runtime: Runtime, request: ReconcileRequest, **more: int) -> Exception | None:
    counts = {"tries": request.tries, **more}
    try:
        runtime.reconcile_queue.send(
            request.job_name,
            retry=request.retry,
            confirm_deletion=request.confirm_deletion,
            detect_drift=request.detect_drift,
            **counts,
        )
    except Exception as error:
        with about(runtime, request.job_name):
            logger.exception("queueing failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
        return error
    return None
