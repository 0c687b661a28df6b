"""Jobs table stream: rows were written; look at their jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.reconciling import logger, reconcile_or_queue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile every job that a batch of stream records names, each once.

    The record's images are not read: they may be stale, and the row is read again anyway.
    """
    name_of = {
        record["dynamodb"]["SequenceNumber"]: record["dynamodb"]["Keys"]["job_name"]["S"]
        for record in event["Records"]
    }
    lost = reconcile_or_queue(name_of.values(), context)
    return {
        "batchItemFailures": [
            {"itemIdentifier": sequence_number}
            for sequence_number, job_name in name_of.items()
            if job_name in lost
        ]
    }
