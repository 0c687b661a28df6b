"""What a dead-letter message is about: its source, its jobs, how it is redriven. Pure.

A payload that cannot be read is content as well: it stays until a person discards it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from provisioner import events, jobs
from provisioner.events import UnreadableError
from provisioner.notifications.document import of_document

JOB_STREAM = "job_stream"
RUN_STREAM = "run_stream"
ARTIFACT_EVENTS = "artifact_events"
NOTIFY = "notify"
UNROUTED = "unrouted"
"""Names of functions, which are the sources of messages."""

REDRIVEN = "failed_records"
"""Member of what `job_stream` gets to keep the rows in failed records as versions: an object's key.

The records themselves it reads where only Lambda writes: nobody who may redrive writes versions.
"""


class Redrive(StrEnum):
    """What is done when a message is redriven."""

    RECONCILE = "reconcile"
    """Its jobs are reconciled, and rows in it become versions."""
    RUN_EVENT = "run-event"
    """`run_events` gets the event."""
    ARTIFACT_EVENT = "artifact-event"
    """`artifact_events` gets the event."""
    RUN_RECORDS = "run-records"
    """`run_stream` gets the records."""
    MESSAGE = "message"
    """It is sent to the queue of its job."""
    NOTIFICATION = "notification"
    """`notify` gets it, and publishes it."""
    NOTHING = "nothing"
    """It is removed: what it was for happens anyway."""
    IMPOSSIBLE = "impossible"
    """It says nothing that could be done: it stays until a person discards it."""


_BY_READER = {NOTIFY: Redrive.NOTIFICATION, RUN_STREAM: Redrive.RUN_RECORDS}
"""For records of a stream; those of all other readers are reconciled."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a message is about; `problem` says which part of it cannot be redriven, "" for none."""

    source: str
    redrive: Redrive
    job_names: tuple[str, ...] = ()
    problem: str = ""


def parsed(text: str) -> object:
    """Return the value of a JSON text, None when it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def of_payload(payload: object, source: str, prefix: str) -> Content:
    """Return the content of a parsed payload.

    Parameters
    ----------
    source
        The function that gave up, "" when that is not known.
    prefix
        The bootstrap's: the names of its jobs' stacks begin with it.
    """
    try:
        return _readable(payload, source, prefix)
    except UnreadableError as error:
        return Content(source or "unknown", Redrive.IMPOSSIBLE, problem=str(error))


def of_unrouted(job_name: str) -> Content:
    """Return the content of a message that no job's queue took, whatever its payload looks like."""
    names = tuple(filter(None, (job_name,)))
    return Content(UNROUTED, Redrive.MESSAGE if names else Redrive.IMPOSSIBLE, names)


def of_records(records: object, source: str) -> Content:
    """Return the content of stream records: those without a job do not hold back the others."""
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
    redrive = _BY_READER.get(source, Redrive.RECONCILE) if names else Redrive.IMPOSSIBLE
    return Content(source, redrive, tuple(names), unread)


def _readable(payload: object, source: str, prefix: str) -> Content:
    match payload:
        case {"source": "aws.cloudformation"}:
            job_name = events.of_stack_event(payload, prefix)
            if job_name is None:  # not a job's stack: there is nothing to reconcile
                return Content("stack_events", Redrive.NOTHING)
            return Content("stack_events", Redrive.RECONCILE, (job_name,))
        case {"source": "aws.states"}:
            run_of = events.of_execution_event(payload, prefix)
            return Content("run_events", Redrive.RUN_EVENT, (run_of,) if run_of else ())
        case {"source": "aws.s3" | "aws.ecr"}:
            is_push = events.of_artifact_event(payload) is not None
            return Content(ARTIFACT_EVENTS, Redrive.ARTIFACT_EVENT if is_push else Redrive.NOTHING)
        case {"source": "aws.scheduler"}:  # the next sweep is never far
            return Content("sweep", Redrive.NOTHING)
        case {"Records": records}:
            return of_records(records, source or JOB_STREAM)
        case {"dynamodb": _}:
            return of_records([payload], source or JOB_STREAM)
        case {"_run": {"schedule": str(schedule)}}:
            job_name = jobs.job_name_of(prefix, schedule.rpartition("-")[0])
            problem = "a scheduled time was missed: provisioner backfill starts its run"
            names = (job_name,) if job_name else ()
            return Content("missed_schedules", Redrive.IMPOSSIBLE, names, problem)
        case {"notification_id": _} | {"notice_id": _}:  # as it was called; kept for 14 days
            return Content(NOTIFY, Redrive.NOTIFICATION, (of_document(payload).job_name,))
        case _:
            request = events.of_message(payload)
            return Content(source or "reconcile_queue", Redrive.RECONCILE, (request.job_name,))
