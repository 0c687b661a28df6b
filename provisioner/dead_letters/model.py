"""Dead-letter messages: what failed for good, when, why, and what it is about. Pure.

They come in four forms: our own, with the reason in attributes; messages that SQS moved because the
function never finished them; events that EventBridge could not deliver, or for which Lambda gave up
a function; and records of a stream, which Lambda keeps in S3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.dead_letters import content
from provisioner.dead_letters.content import Content, parsed

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeadLetterMessage:
    """One thing that failed for good.

    `id` is unique among all of them. `reason` and `error_type` are in the words of the service that
    gave up: us, EventBridge, Lambda or SQS. `message_id` is the identity of a message to a job.
    """

    id: str
    at: datetime
    reason: str
    error_type: str
    payload: str
    content: Content
    message_id: str = ""


def of_message(
    message_id: str, body: str, attributes: Mapping[str, str], sent_at: datetime, prefix: str
) -> DeadLetterMessage:
    """Return the dead-letter message that a message of the queue is.

    Parameters
    ----------
    attributes
        The message's own attributes, as text.
    prefix
        The bootstrap's: the names of its jobs' stacks begin with it.
    """
    error_type, reason = _why(attributes)
    source = attributes.get("source", "")
    if source == content.UNROUTED:
        about = content.of_unrouted(attributes.get("job_name", ""))
    else:
        about = content.of_payload(parsed(body), source, prefix)
    identity = attributes.get("message_id", "")
    return DeadLetterMessage(message_id, sent_at, reason, error_type, body, about, identity)


def of_object(key: str, body: str, modified_at: datetime) -> DeadLetterMessage:
    """Return the dead-letter message that an object in S3 is, where Lambda keeps stream records."""
    record = _mapping(parsed(body))
    context = _mapping(record.get("requestContext"))
    error = _mapping(record.get("responseContext")).get("functionError")
    payload = record.get("payload")
    batch = parsed(payload) if isinstance(payload, str) else payload
    return DeadLetterMessage(
        id=key.rpartition("/")[2],
        at=modified_at,
        reason=f"the function ended with {error}" if error else "the records were never read",
        error_type=str(context.get("condition") or "unknown"),
        payload=payload if isinstance(payload, str) else body,
        content=content.of_records(_mapping(batch).get("Records"), _reader(context)),
    )


def _why(attributes: Mapping[str, str]) -> tuple[str, str]:
    """Return type and text of the error that a message's attributes give."""
    match attributes:
        case {"reason": reason, "error_type": error_type}:
            return error_type, reason
        case {"ERROR_CODE": error_type}:  # EventBridge
            return error_type, attributes.get("ERROR_MESSAGE") or "it could not be delivered"
        case {"ErrorCode": error_type}:  # Lambda, after asynchronous invocations
            return error_type, attributes.get("ErrorMessage") or "the function failed each time"
        case _:
            return "MaxReceiveCount", "the function ended before it was done, each time"


def _reader(context: Mapping[str, object]) -> str:
    """Return the function that was to read the records of a stream."""
    function = str(context.get("functionArn"))
    others = (content.RUN_STREAM, content.NOTIFY)
    found = (name for name in others if function.endswith(f"_{name}"))
    return next(found, content.JOB_STREAM)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
