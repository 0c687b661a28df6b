"""EventBridge Scheduler's dead-letter queue: scheduled times that started no run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.batch import failures, payload_of
from provisioner.entrypoints.function import about, function, logger, send_to_dead_letter_queue
from provisioner.entrypoints.metrics import Count
from provisioner.errors import ProvisionerError
from provisioner.events import UnreadableError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime


@function
def handler(event: dict[str, Any], _context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Record each missed schedule of a batch as a SKIPPED run; what failed is delivered again."""
    return failures(record for record in event["Records"] if not _recorded(runtime, record))


def _recorded(runtime: Runtime, record: dict[str, Any]) -> bool:
    """Say whether SQS may forget a message."""
    try:
        missed = events.of_missed_schedule(record, runtime.settings.platform.prefix)
    except UnreadableError as error:
        return send_to_dead_letter_queue(runtime, payload_of(record), error, "missed_schedules")
    with about(runtime, missed.job_name):
        try:
            is_new = runtime.missed_schedules.record(missed, runtime.clock())
        except ProvisionerError:
            logger.exception(
                "recording a missed schedule failed", scheduled_for=missed.scheduled_for
            )
            return False
        if is_new:
            logger.error("missed schedule", scheduled_for=missed.scheduled_for, cause=missed.cause)
            runtime.metrics.count(Count.SCHEDULES_MISSED)
            if "StateMachineDoesNotExist" in missed.cause:
                _seek_drift(runtime, missed.job_name)
    return True


def _seek_drift(runtime: Runtime, job_name: str) -> None:
    """Have drift detected on a job's stack, whose state machine may be deleted."""
    try:
        runtime.reconcile_queue.send(job_name, detect_drift=True)
    except ProvisionerError:  # the next scheduled time, or the daily check, asks again
        logger.exception("queueing failed")
