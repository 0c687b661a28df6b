"""All that is published to the submission topic: a message that no job's queue takes is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import jobs
from provisioner.aws.message_queues import MESSAGE_ID
from provisioner.entrypoints.batch import failures
from provisioner.entrypoints.function import about, function, logger, send_to_dead_letter_queue
from provisioner.entrypoints.metrics import Count
from provisioner.errors import NotFoundError, ProvisionerError, UnroutedError
from provisioner.events import message_attribute
from provisioner.runs.messages import Message, received

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime

JOB_NAME = "job_name"
"""Attribute of a message: the job that it is for."""


@function
def handler(event: dict[str, Any], _context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Send messages whose job has no queue to the dead-letter queue; deliver a redriven one.

    SNS filters by job, and what no filter lets through is gone: so this queue gets every message.
    """
    if "Records" not in event:
        return _delivered(runtime, event)
    records = event["Records"]
    names = [message_attribute(record, JOB_NAME) for record in records]
    queues = {name: _has_queue(runtime, name) for name in dict.fromkeys(names)}
    again = [
        record
        for record, name in zip(records, names, strict=True)
        if queues[name] is None or (not queues[name] and not _kept(runtime, record, name))
    ]
    return failures(again)


def _has_queue(runtime: Runtime, name: str) -> bool | None:
    """Tell whether a job has a queue, None while that cannot be read."""
    if not jobs.is_job_name(name):
        return False
    with about(runtime, name):
        try:
            record = runtime.stacks.get_many([name]).get(name)
        except ProvisionerError:
            logger.exception("reading a job's record failed")
            return None
    return record is not None and "QueueUrl" in record.outputs


def _kept(runtime: Runtime, record: dict[str, Any], name: str) -> bool:
    """Send a message to the dead-letter queue, with its identity; False when that fails."""
    runtime.metrics.count(Count.MESSAGES_UNROUTED)
    reason = f'no job "{name}" has a queue' if name else "a message names its job in job_name"
    message = received(record["body"], message_attribute(record, MESSAGE_ID), record["messageId"])
    return send_to_dead_letter_queue(
        runtime, message.body, UnroutedError(reason), "unrouted", name, {MESSAGE_ID: message.id}
    )


def _delivered(runtime: Runtime, submission: dict[str, Any]) -> dict[str, Any]:
    """Send a redriven message to its job's queue.

    Raises
    ------
    NotFoundError
        If the job has none.
    """
    name = submission[JOB_NAME]
    if not _has_queue(runtime, name):
        raise NotFoundError(f'no job "{name}" has a queue')
    runtime.message_queues.send(name, Message(submission[MESSAGE_ID], submission["body"]))
    with about(runtime, name):
        logger.info("message delivered after all")
    return {}
