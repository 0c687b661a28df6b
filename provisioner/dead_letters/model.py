"""Dead letters: what each says of its fate, and which jobs it is about. Pure.

They come in four forms: ours, with the reason in attributes; messages that SQS moved by itself,
since the function died over them; events that EventBridge could not deliver or Lambda tried in
vain; and records of a stream, which Lambda keeps in S3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner import events, jobs
from provisioner.events import UnreadableError
from provisioner.notifications.document import of_document

if TYPE_CHECKING:
    from datetime import datetime


_JOB_STREAM = "job_stream"
_RUN_STREAM = "run_stream"
_NOTIFY = "notify"
_UNROUTED = "unrouted"


class Redrive(StrEnum):
    """What a letter asks to be done again."""

    LOOKS = "looks"
    """Look at its jobs."""
    RUN_EVENT = "run-event"
    """Give the event to `run_events`."""
    RUN_RECORDS = "run-records"
    """Give the records to `run_stream`."""
    MESSAGE = "message"
    """Send it to the queue of its job."""
    NOTICE = "notice"
    """Give it to `notify`, which publishes it."""
    NOTHING = "nothing"
    """What it was for happens by itself: it may go."""
    IMPOSSIBLE = "impossible"
    """Nobody can tell what it was for: it stays until a person discards it."""


_BY_READER = {_NOTIFY: Redrive.NOTICE, _RUN_STREAM: Redrive.RUN_RECORDS}
"""What records of a stream ask for; those of all other readers, that their jobs are looked at."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a letter is about; `problem` tells what of it cannot be redriven, "" for nothing."""

    source: str
    redrive: Redrive
    job_names: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing that failed for good.

    `id` is unique among all letters. `reason` and `error_type` are in the words of the one who
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
) -> Letter:
    """Return the letter that a message of the dead-letter queue is.

    Parameters
    ----------
    attributes
        The message's own attributes, as text.
    prefix
        The bootstrap's: its jobs' stacks are known by it.
    """
    match attributes:
        case {"reason": reason, "error_type": kind}:
            pass
        case {"ERROR_CODE": kind}:  # EventBridge
            reason = attributes.get("ERROR_MESSAGE") or "it could not be delivered"
        case {"ErrorCode": kind}:  # Lambda, after asynchronous invocations
            reason = attributes.get("ErrorMessage") or "the function failed each time"
        case _:
            kind, reason = "MaxReceiveCount", "the function ended before it was done, each time"
    source = attributes.get("source", "")
    if source == _UNROUTED:  # whatever its body looks like
        names = tuple(filter(None, (attributes.get("job_name"),)))
        content = Content(source, Redrive.MESSAGE if names else Redrive.IMPOSSIBLE, names)
    else:
        content = _content(parsed(body), source, prefix)
    identity = attributes.get("message_id", "")
    return Letter(message_id, sent_at, reason, kind, body, content, identity)


def submission(letter: Letter) -> str:
    """Return the letter of a message to a job as `unrouted` takes it."""
    [job_name] = letter.content.job_names
    return json.dumps(
        {"job_name": job_name, "message_id": letter.message_id, "body": letter.payload}
    )


def of_object(key: str, body: str, modified_at: datetime) -> Letter:
    """Return the letter that an object of the stream's on-failure destination is."""
    record = _mapping(parsed(body))
    error = _mapping(record.get("responseContext")).get("functionError")
    reason = f"the function ended with {error}" if error else "the records were never taken"
    condition = _mapping(record.get("requestContext")).get("condition")
    payload = record.get("payload")
    batch = parsed(payload) if isinstance(payload, str) else payload
    function = str(_mapping(record.get("requestContext")).get("functionArn"))
    readers = (each for each in (_RUN_STREAM, _NOTIFY) if function.endswith(f"_{each}"))
    return Letter(
        id=key.rpartition("/")[2],
        at=modified_at,
        reason=reason,
        error_type=str(condition or "unknown"),
        payload=payload if isinstance(payload, str) else body,
        content=_of_records(_mapping(batch).get("Records"), next(readers, _JOB_STREAM)),
    )


def parsed(text: str) -> object:
    """Return what JSON text says, None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _content(payload: object, source: str, prefix: str) -> Content:
    try:
        return _readable(payload, source, prefix)
    except UnreadableError as error:
        return Content(source or "unknown", Redrive.IMPOSSIBLE, problem=str(error))


def _readable(payload: object, source: str, prefix: str) -> Content:
    match payload:
        case {"source": "aws.cloudformation"}:
            job_name = events.of_stack_event(payload, prefix)
            if job_name is None:  # nobody would look at anything
                return Content("stack_events", Redrive.NOTHING)
            return Content("stack_events", Redrive.LOOKS, (job_name,))
        case {"source": "aws.states"}:
            run_of = events.of_execution_event(payload, prefix)
            return Content("run_events", Redrive.RUN_EVENT, (run_of,) if run_of else ())
        case {"source": "aws.scheduler"}:  # the next one is never far
            return Content("sweep", Redrive.NOTHING)
        case {"Records": records}:
            return _of_records(records, source or _JOB_STREAM)
        case {"dynamodb": _}:
            return _of_records([payload], source or _JOB_STREAM)
        case {"_run": {"schedule": str(schedule)}}:
            job_name = jobs.job_name_of(prefix, schedule.rpartition("-")[0])
            problem = "a tick was missed: provisioner backfill starts its run"
            names = (job_name,) if job_name else ()
            return Content("missed_schedules", Redrive.IMPOSSIBLE, names, problem)
        case {"notice_id": _}:
            return Content(_NOTIFY, Redrive.NOTICE, (of_document(payload).job_name,))
        case _:
            look = events.of_message(payload)
            return Content(source or "reconcile_queue", Redrive.LOOKS, (look.job_name,))


def _of_records(records: object, source: str) -> Content:
    """Return what records of a stream are about: those that name no job keep no other back."""
    if not isinstance(records, Sequence) or isinstance(records, str) or not records:
        return Content(source, Redrive.IMPOSSIBLE, problem="it holds no records")
    names: dict[str, None] = {}
    problems: list[str] = []
    for record in records:
        try:
            names[events.of_stream_record(record)] = None
        except UnreadableError as error:
            problems.append(str(error))
    unread = f"{len(problems)} of {len(records)} records: {problems[0]}" if problems else ""
    redrive = _BY_READER.get(source, Redrive.LOOKS) if names else Redrive.IMPOSSIBLE
    return Content(source, redrive, tuple(names), unread)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
