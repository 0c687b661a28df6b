"""Jobs table stream: rows were written; reconcile their jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.batch import Batch, failures
from provisioner.entrypoints.function import function
from provisioner.entrypoints.reconciling import queued_for_later, reconcile_or_queue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime


OLD_AFTER = timedelta(seconds=60)
"""The function's timeout: a record so old stood behind a batch over which the function ended."""


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Reconcile every job that a batch of stream records names, each once.

    The records' images are not read: they may be stale, and the row is read again anyway. A record
    that names no job goes to the dead-letter queue, after its neighbours have been served.

    Records that have waited for long are not reconciled here but queued: whatever one job does to
    the function, the rows behind it in the stream wait no longer than that.
    """
    batch = Batch(event["Records"], events.of_stream_record)
    job_names = list(dict.fromkeys(job_name for _, job_name in batch.read))
    waited = _have_waited(runtime, (record for record, _ in batch.read))
    if waited and queued_for_later(runtime, job_names):
        job_names = []
    lost = reconcile_or_queue(runtime, job_names, context)
    again = [record for record, job_name in batch.read if job_name in lost]
    return failures([*again, *batch.send_unreadable(runtime, "job_stream")])


def _have_waited(runtime: Runtime, records: Iterable[Any]) -> bool:
    oldest = (runtime.clock() - OLD_AFTER).timestamp()
    written = (record["dynamodb"].get("ApproximateCreationDateTime") for record in records)
    return any(isinstance(at, int | float) and at <= oldest for at in written)
