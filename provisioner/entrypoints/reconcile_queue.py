"""Reconcile queue: what could not be done at once; look at those jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.reconciling import drift_error, queued_again, reconcile
from provisioner.entrypoints.shared import buried, function
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.events import Look

MAX_RECEIVES = 5
"""The queue's `maxReceiveCount`: what fails that often is handed over no more."""


@function
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile the jobs of a batch of messages; those that fail stay in the queue.

    What failed for the moment only is sent anew, so that an outage, however long, never ends in the
    dead-letter queue. What fails otherwise gets there with its reason when it has failed for the
    last time, and what cannot be read at once.
    """
    looks: list[tuple[Any, Look]] = []
    poison: list[tuple[Any, Exception]] = []
    for record in event["Records"]:
        try:
            looks.append((record, events.of_queue_message(record["body"])))
        except Exception as error:  # noqa: BLE001  (whatever a message holds, its neighbours go on)
            poison.append((record, error))
    retry = frozenset(look.job_name for _, look in looks if look.retry)
    names = [look.job_name for _, look in looks if not look.detect_drift]
    errors = reconcile(names, context, retry)
    again = [record for record, look in looks if not _settled(record, look, _error(look, errors))]
    again += [
        record
        for record, error in poison
        if not buried(record.get("body", ""), error, "reconcile_queue")
    ]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in again]}


def _error(look: Look, errors: Mapping[str, Exception]) -> Exception | None:
    return drift_error(look.job_name) if look.detect_drift else errors.get(look.job_name)


def _settled(record: Any, look: Look, error: Exception | None) -> bool:  # noqa: ANN401
    """Say whether SQS may forget a message."""
    match error:
        case None:
            return True
        case TemporaryError():
            return queued_again(look) is None
        case Exception() if int(record["attributes"]["ApproximateReceiveCount"]) >= MAX_RECEIVES:
            return buried(record["body"], error, "reconcile_queue", look.job_name)
        case _:
            return False
