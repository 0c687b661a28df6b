"""Reconcile queue: what could not be done at once; look at those jobs again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.reconciling import RETRY_DELAY_SECONDS, logger, queue, reconcile
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile the jobs of a batch of messages; those that fail stay in the queue.

    SQS redelivers them, and after its last try keeps them in the dead-letter queue. What failed
    for the moment only is sent anew, so that it never gets there.
    """
    names: dict[str, str] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            names[record["messageId"]] = str(json.loads(record["body"])["job_name"])
        except (ValueError, KeyError, TypeError):
            logger.exception("not a message of ours", message_id=record["messageId"])
            failed.append(record["messageId"])
    errors = reconcile(names.values(), context)
    for message_id, name in names.items():
        match errors.get(name):
            case None:
                pass
            case TemporaryError():
                # Later, however often: an outage must not end in the dead-letter queue.
                queue().send(name, delay_seconds=RETRY_DELAY_SECONDS)
            case Exception():
                failed.append(message_id)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
