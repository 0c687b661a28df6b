"""Reconcile queue: what could not be done at once; look at those jobs again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.reconciling import logger, reconcile

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile the jobs of a batch of messages; those that fail stay in the queue.

    SQS redelivers them, and after its last try keeps them in the dead-letter queue.
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
    failed += [message_id for message_id, name in names.items() if name in errors]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
