"""Jobs table stream: rows were written; reconcile their jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.aws.row_versions import written_in
from provisioner.dead_letters.content import REDRIVEN
from provisioner.entrypoints.batch import RecordBatch, failures
from provisioner.entrypoints.function import about, function, logger
from provisioner.entrypoints.metrics import Count
from provisioner.entrypoints.reconciling import queued_for_later, reconcile_or_queue
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime


OLD_AFTER = timedelta(seconds=60)
"""The function's timeout: a record so old stood behind a batch over which the function ended."""


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Reconcile every job that a batch of stream records names, each once.

    The records' images are not read for that: they may be stale, and the row is read again anyway.
    They are kept as versions of the row afterwards, so that no job waits for it. A record
    that names no job goes to the dead-letter queue, after its neighbours have been served.

    Records that have waited for long are not reconciled here but queued: whatever one job does to
    the function, the rows behind it in the stream wait no longer than that.
    """
    if REDRIVEN in event:
        return _redriven(runtime, event[REDRIVEN])
    batch = RecordBatch(event["Records"], events.of_stream_record)
    job_names = list(dict.fromkeys(job_name for _, job_name in batch.read))
    waited = _have_waited(runtime, (record for record, _ in batch.read))
    if waited and queued_for_later(runtime, job_names):
        job_names = []
    lost = reconcile_or_queue(runtime, job_names, context)
    again = [
        record
        for record, job_name in batch.read
        if not _kept_as_version(runtime, record, job_name) or job_name in lost
    ]
    return failures([*again, *batch.send_unreadable(runtime, "job_stream")])


def _redriven(runtime: Runtime, key: str) -> dict[str, Any]:
    """Keep the rows of failed records as versions; their jobs are reconciled anyway."""
    batch = RecordBatch(runtime.failed_records.read(key), events.of_stream_record)
    return failures(
        record
        for record, job_name in batch.read
        if not _kept_as_version(runtime, record, job_name, gives_up=False)
    )


def _have_waited(runtime: Runtime, records: Iterable[Any]) -> bool:
    oldest = (runtime.clock() - OLD_AFTER).timestamp()
    written = (record["dynamodb"].get("ApproximateCreationDateTime") for record in records)
    return any(isinstance(at, int | float) and at <= oldest for at in written)


def _kept_as_version(
    runtime: Runtime, record: Mapping[str, Any], job_name: str, *, gives_up: bool = True
) -> bool:
    """Keep the row of a record as a version; False when the record must be delivered again.

    What would fail again is given up, counted and with a line in the log, and unless a person waits
    for it so is what has failed for a minute: the rows behind it do not wait for the audit. What
    the error says is left out of the log, because it may have values of the row.
    """
    try:
        if change := written_in(record, job_name):
            runtime.row_versions.record(change)
    except Exception as error:  # noqa: BLE001  (whatever a row does, others continue)
        waits = not gives_up or not _have_waited(runtime, [record])
        if isinstance(error, TemporaryError) and waits:
            with about(runtime, job_name):
                logger.warning("a version is kept later", extra={"error": type(error).__name__})
            return False
        with about(runtime, job_name):
            runtime.metrics.count(Count.VERSIONS_LOST)
            logger.error("a version is lost", extra={"error": type(error).__name__})  # noqa: TRY400
    return True
