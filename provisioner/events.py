"""Which job a piece of news is about; nothing else is taken from it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from provisioner import jobs
from provisioner.errors import PermanentError
from provisioner.runs import keys, model
from provisioner.runs.keys import LockStatus
from provisioner.runs.messages import RUN_PREFIX
from provisioner.runs.model import FINAL, RunStatus

_KEY_BYTES = 2048
"""A partition key of DynamoDB, in UTF-8."""

_MANY_TIMES = 1_000_000

_NO_RECORD = "a stream record names its job in dynamodb.Keys.job_name.S"
_NO_MESSAGE = 'a message is {"job_name": …}'
_NO_TICK = "a missed tick has the attributes SCHEDULE_ARN, of a job's schedule, and SCHEDULED_TIME"
_NO_STACK_EVENT = "a stack event names its stack in detail.stack-id"


class UnreadableError(PermanentError):
    """No job can be made out: reading it again will not help."""


@dataclass(frozen=True, slots=True)
class Look:
    """A message of the reconcile queue: look at a job.

    `retry` makes the look forget what has failed before; `confirm_deletion` lets the job's stack be
    deleted though many others are; `detect_drift` has the drift of the job's
    stack looked for instead. `tries` are the looks in a row that could not be taken, `receives` the
    times that a function was given it under another message.
    """

    job_name: str
    retry: bool = False
    confirm_deletion: bool = False
    detect_drift: bool = False
    tries: int = 0
    receives: int = 0


@dataclass(frozen=True, slots=True)
class MissedTick:
    """A time at which a schedule of a job could not start its run, and why."""

    job_name: str
    schedule: str
    scheduled_for: str
    cause: str


def of_stream_record(record: object) -> str:
    """Return the job of a record of the Jobs table's stream; its images are not looked at.

    Raises
    ------
    UnreadableError
        If it has no usable key.
    """
    match record:
        case {"dynamodb": {"Keys": {"job_name": {"S": name}}}}:
            return _key(name, _NO_RECORD)
        case _:
            raise UnreadableError(_NO_RECORD)


def may_free_a_run(record: Mapping[str, object]) -> bool:
    """Tell whether a record of the Triggers table's stream may make it a waiting run's turn.

    A lock for which nobody waits makes nobody's; when somebody does later, that is a record, too.
    A run that was skipped for another's sake is a reason as well: what the lock names may be gone.
    """
    match record:
        case {"dynamodb": {"NewImage": {"status": {"S": LockStatus.FREE}} as lock}}:
            return "waiting" in lock
        case {"dynamodb": {"NewImage": {"status": {"S": RunStatus.QUEUED}}}}:
            return True
        case {
            "dynamodb": {
                "NewImage": {"status": {"S": RunStatus.SKIPPED}, "error": {"S": model.OVERLAP}}
            }
        }:
            return True
        case _:
            return False


def ended_as(record: Mapping[str, object]) -> str | None:
    """Return the `status` in a record of the Triggers table's stream, None without one."""
    match record:
        case {"dynamodb": {"NewImage": {"status": {"S": str(status)}}}}:
            return status
        case _:
            return None


def of_its_end(record: Mapping[str, object]) -> dict[str, object]:
    """Return as much of a record of the Triggers table's stream as tells of a run's end.

    What the run was given and gave is not part of it.
    """
    match record:
        case {"dynamodb": {"NewImage": {"status": status}} as change} if isinstance(
            change, Mapping
        ):
            told = {name: change[name] for name in ("Keys", "SequenceNumber") if name in change}
            return {"dynamodb": told | {"NewImage": {"status": status}}}
        case _:
            return {}


def ended_message_run(record: Mapping[str, object]) -> str | None:
    """Return the execution of a run that messages started, when a record says that it has ended."""
    match record:
        case {
            "dynamodb": {
                "Keys": {"trigger_id": {"S": str(trigger_id)}},
                "NewImage": {"status": {"S": status}},
            }
        } if status in FINAL:
            execution = keys.execution_name_of(trigger_id)
            return execution if execution.startswith(RUN_PREFIX) else None
        case _:
            return None


def of_queue_message(body: object) -> Look:
    """Return what a message's body asks for.

    Raises
    ------
    UnreadableError
        If it is none of ours.
    """
    if not isinstance(body, str):
        raise UnreadableError(_NO_MESSAGE)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(_NO_MESSAGE) from error
    return of_look(message)


def of_look(message: object) -> Look:
    """Return what a parsed message asks for, or raise UnreadableError."""
    if not isinstance(message, Mapping) or "job_name" not in message:
        raise UnreadableError(_NO_MESSAGE)
    job_name = _key(message["job_name"], _NO_MESSAGE)
    return Look(
        job_name,
        retry=message.get("retry") is True,
        confirm_deletion=message.get("confirm_deletion") is True,
        detect_drift=message.get("detect_drift") is True,
        tries=_times(message.get("tries")),
        receives=_times(message.get("receives")),
    )


def of_stack_event(event: object, prefix: str) -> str | None:
    """Return the job whose stack changed its status, None when it is not a job's.

    Raises
    ------
    UnreadableError
        If it names no stack.
    """
    match event:
        case {"detail": {"stack-id": str(stack_id)}} if stack_id.count("/"):
            return jobs.job_name_of(prefix, stack_id.split("/")[1])
        case _:
            raise UnreadableError(_NO_STACK_EVENT)


def of_execution_event(event: object, prefix: str) -> str | None:
    """Return the job whose execution changed its status, None when it is not a job's."""
    match event:
        case Mapping() if isinstance(detail := event.get("detail"), Mapping):
            arn = detail.get("stateMachineArn")
            return jobs.job_name_of(prefix, str(arn).rpartition(":")[2])
        case _:
            return None


def of_missed_tick(record: Mapping[str, object], prefix: str) -> MissedTick:
    """Return what EventBridge Scheduler's dead-letter queue says in a message, as Lambda gets it.

    Raises
    ------
    UnreadableError
        If it is of no job's schedule.
    """
    schedule = message_attribute(record, "SCHEDULE_ARN").rpartition("/")[2]
    time = message_attribute(record, "SCHEDULED_TIME")
    job_name = jobs.job_name_of(prefix, schedule.rpartition("-")[0])
    if job_name is None or not keys.is_time(time):
        raise UnreadableError(_NO_TICK)
    said = (message_attribute(record, name) for name in ("ERROR_CODE", "ERROR_MESSAGE"))
    return MissedTick(job_name, schedule, time, ": ".join(filter(None, said)) or "unknown")


def message_attribute(record: Mapping[str, object], name: str) -> str:
    """Return a text among the attributes of a message as Lambda gets it, "" without one."""
    match record:
        case {"messageAttributes": Mapping() as attributes}:
            match attributes.get(name):
                case {"stringValue": str(text)}:
                    return text
    return ""


def _times(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < _MANY_TIMES else 0


def _key(name: object, otherwise: str) -> str:
    """Return a name that DynamoDB takes: a single other one would fail a whole batch's read."""
    if not isinstance(name, str) or not name:
        raise UnreadableError(otherwise)
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON can hold
        raise UnreadableError(otherwise) from error
    if size > _KEY_BYTES:
        message = f"a job's name has at most {_KEY_BYTES} bytes, this one {size}"
        raise UnreadableError(message)
    return name
