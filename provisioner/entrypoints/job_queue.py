"""A job's queue: messages were sent; let them start runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import jobs
from provisioner.aws.message_queues import MESSAGE_ID
from provisioner.entrypoints.batch import failures
from provisioner.entrypoints.function import about, function, logger
from provisioner.entrypoints.metrics import Count
from provisioner.errors import PermanentError, ProvisionerError
from provisioner.runs.messages import received

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.runs.messages import Message

FIRST_WAIT_SECONDS = 5
"""Before a message that failed is delivered again; twice as long each further time."""

_LONGEST_WAIT_SECONDS = 900
_LONGEST_DOUBLING = 8


@function
def handler(event: dict[str, Any], _context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Start the runs of a batch of messages, all of one job's queue; what failed stays there.

    The job is the one that the queue is named after: nothing that a message says is taken for it.
    """
    records = event["Records"]
    job_name = _job_of(runtime, records[0]["eventSourceARN"])
    messages = [_message(record) for record in records]
    unstarted = runtime.message_runs.start(job_name, messages)
    errors = unstarted.kept
    failed = [
        (message, record)
        for message, record in zip(messages, records, strict=True)
        if message.id in errors
    ]
    with about(runtime, job_name):
        for message_id, error in unstarted.sent_again.items():
            logger.warning(
                "a message is tried again later", message_id=message_id, reason=str(error)
            )
        for message, record in failed:
            _postpone(runtime, job_name, record, errors[message.id])
            if message.is_followed:
                _note_end(runtime, job_name, message, record, errors[message.id])
    return failures(record for _, record in failed)


def _job_of(runtime: Runtime, queue_arn: str) -> str:
    queue_name = queue_arn.rpartition(":")[2]
    job_name = jobs.job_name_of(runtime.settings.platform.prefix, queue_name)
    if job_name is None:
        raise PermanentError(f"{queue_name} is not a job's queue")
    return job_name


def _message(record: dict[str, Any]) -> Message:
    given = record.get("messageAttributes", {}).get(MESSAGE_ID, {}).get("stringValue")
    return received(record["body"], given, record["messageId"])


def _postpone(runtime: Runtime, job_name: str, record: dict[str, Any], error: Exception) -> None:
    """Log why a message started no run, and have it delivered again later rather than at once."""
    logger.error(
        "starting a run for a message failed", exc_info=error, message_id=record["messageId"]
    )
    runtime.metrics.count(Count.RECONCILE_ERRORS)
    doublings = min(_receives(record) - 1, _LONGEST_DOUBLING)
    seconds = min(FIRST_WAIT_SECONDS * 2**doublings, _LONGEST_WAIT_SECONDS)
    try:
        runtime.message_queues.hide(job_name, record["receiptHandle"], seconds)
    except ProvisionerError:
        said = "the queue's own visibility timeout stays"
        logger.exception(said, message_id=record["messageId"])


def _note_end(
    runtime: Runtime, job_name: str, message: Message, record: dict[str, Any], error: Exception
) -> None:
    """Note why a message that someone follows started no run, if SQS gives it up after this."""
    try:
        max_receives = runtime.message_queues.max_receives(job_name)
        if max_receives is not None and _receives(record) >= max_receives:
            reason = str(error) or type(error).__name__
            runtime.message_runs.submissions.dead(job_name, message.id, reason)
    except ProvisionerError:
        logger.exception("noting the end of a submission failed", message_id=message.id)


def _receives(record: dict[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])
