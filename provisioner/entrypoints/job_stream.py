"""Jobs table stream: rows were written; look at their jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.reconciling import reconcile_or_queue
from provisioner.entrypoints.shared import buried, function, item_failures

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@function
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile every job that a batch of stream records names, each once.

    The records' images are not read: they may be stale, and the row is read again anyway. A record
    that names no job goes to the dead-letter queue, after its neighbours have been served.
    """
    names: list[tuple[Any, str]] = []
    poison: list[tuple[Any, Exception]] = []
    for record in event["Records"]:
        try:
            names.append((record, events.of_stream_record(record)))
        except Exception as error:  # noqa: BLE001  (whatever a record does, its neighbours go on)
            poison.append((record, error))
    lost = reconcile_or_queue([job_name for _, job_name in names], context)
    again = [record for record, job_name in names if job_name in lost]
    again += [
        record
        for record, error in poison
        if not buried(json.dumps(record, default=str), error, "job_stream")
    ]
    return item_failures(again)
