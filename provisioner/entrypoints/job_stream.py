"""Jobs table stream: rows were written; look at their jobs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.reconciling import queued_for_later, reconcile_or_queue
from provisioner.entrypoints.shared import function, item_failures, send_to_dead_letter_queue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext


OLD_AFTER = timedelta(seconds=60)
"""The function's timeout: a record so old stood behind a batch over which the function ended."""


@function
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile every job that a batch of stream records names, each once.

    The records' images are not read: they may be stale, and the row is read again anyway. A record
    that names no job goes to the dead-letter queue, after its neighbours have been served.

    Records that have waited for long are not looked at here but queued: whatever one job does to
    the function, the rows behind it in the stream wait no longer than that.
    """
    names: list[tuple[Any, str]] = []
    poison: list[tuple[Any, Exception]] = []
    for record in event["Records"]:
        try:
            names.append((record, events.of_stream_record(record)))
        except Exception as error:  # noqa: BLE001  (whatever a record does, its neighbours go on)
            poison.append((record, error))
    job_names = list(dict.fromkeys(job_name for _, job_name in names))
    if _have_waited(record for record, _ in names) and queued_for_later(job_names):
        job_names = []
    lost = reconcile_or_queue(job_names, context)
    again = [record for record, job_name in names if job_name in lost]
    again += [
        record
        for record, error in poison
        if not send_to_dead_letter_queue(json.dumps(record, default=str), error, "job_stream")
    ]
    return item_failures(again)


def _have_waited(records: Iterable[Any]) -> bool:
    oldest = (datetime.now(UTC) - OLD_AFTER).timestamp()
    written = (record["dynamodb"].get("ApproximateCreationDateTime") for record in records)
    return any(isinstance(at, int | float) and at <= oldest for at in written)
