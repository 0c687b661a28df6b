"""EventBridge Scheduler's dead-letter queue: ticks that started no run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.aws.missed_schedules import MissedSchedules
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.entrypoints.metrics import Count, count
from provisioner.entrypoints.shared import (
    about,
    clients,
    function,
    logger,
    send_to_dead_letter_queue,
    settings,
)
from provisioner.errors import ProvisionerError
from provisioner.events import UnreadableError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@function
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Record each missed schedule of a batch as a SKIPPED run; what failed comes again."""
    again = [record for record in event["Records"] if not _recorded(record)]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in again]}


def _recorded(record: dict[str, Any]) -> bool:
    """Say whether SQS may forget a message."""
    own = settings()
    try:
        missed = events.of_missed_schedule(record, own.platform.prefix)
    except UnreadableError as error:
        return send_to_dead_letter_queue(record.get("body", ""), error, "missed_schedules")
    with about(missed.job_name):
        try:
            schedules = MissedSchedules(clients(), own.platform.triggers_table, own.stacks_table)
            is_new = schedules.record(missed, datetime.now(UTC))
        except ProvisionerError:
            logger.exception("recording a missed schedule failed")
            return False
        if is_new:
            logger.error("missed schedule", scheduled_for=missed.scheduled_for, cause=missed.cause)
            count(Count.SCHEDULES_MISSED)
            if "StateMachineDoesNotExist" in missed.cause:
                _seek_drift(missed.job_name)
    return True


def _seek_drift(job_name: str) -> None:
    """Have it found out what of a job's stack is gone: its state machine, for one."""
    try:
        ReconcileQueue(clients(), settings().reconcile_queue_url).send(job_name, detect_drift=True)
    except ProvisionerError:  # the next tick, or the daily comparison, asks again
        logger.exception("queueing failed")
