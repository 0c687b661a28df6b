"""Which job an event is about; nothing else is taken from it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from provisioner import jobs
from provisioner.errors import PermanentError
from provisioner.jobs.tracked import image_in_ecr, object_in_s3
from provisioner.jobs.unbuilt import JOB_VARIABLE
from provisioner.runs import keys

_KEY_BYTES = 2048
"""A partition key of DynamoDB, in UTF-8."""

_MANY_TIMES = 1_000_000

_NO_RECORD = "a stream record names its job in dynamodb.Keys.job_name.S"
_NO_MESSAGE = 'a message is {"job_name": …}'
_NO_SCHEDULE = (
    "a missed schedule has the attributes SCHEDULE_ARN, of a job's schedule, and SCHEDULED_TIME"
)
_NO_ARTIFACT = (
    "an event about an artifact names an object of S3 in detail.bucket.name and detail.object.key, "
    "or an image of ECR in account, region, detail.repository-name and detail.image-tag"
)
_NO_STACK_EVENT = "a stack event names its stack in detail.stack-id"


class UnreadableError(PermanentError):
    """It does not say which job it is about: reading it again will not help."""


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """A message of the reconcile queue: reconcile a job.

    `retry` resets the job's failures; `confirm_deletion` lets its stack be deleted even if the
    deletion budget is spent; `detect_drift` starts drift detection of its stack instead;
    `check_code` asks nothing of CloudFormation if a READY job runs what it should. `tries`
    counts the reconciles in a row that were throttled, `receives` how often a function has received
    the request in other messages.
    """

    job_name: str
    retry: bool = False
    confirm_deletion: bool = False
    detect_drift: bool = False
    check_code: bool = False
    tries: int = 0
    receives: int = 0


@dataclass(frozen=True, slots=True)
class MissedSchedule:
    """A scheduled time whose run could not be started, and why."""

    job_name: str
    schedule: str
    scheduled_for: str
    cause: str


def of_stream_record(record: object) -> str:
    """Return the job of a stream record; its images are not read.

    Raises
    ------
    UnreadableError
        If it has no key of a job.
    """
    match record:
        case {"dynamodb": {"Keys": {"job_name": {"S": name}}}}:
            return _key(name, _NO_RECORD)
        case _:
            raise UnreadableError(_NO_RECORD)


def of_queue_message(body: object) -> ReconcileRequest:
    """Return what a message's body asks for.

    Raises
    ------
    UnreadableError
        If it is not a reconcile request.
    """
    if not isinstance(body, str):
        raise UnreadableError(_NO_MESSAGE)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(_NO_MESSAGE) from error
    return of_message(message)


def of_message(message: object) -> ReconcileRequest:
    """Return what a parsed message asks for, or raise UnreadableError."""
    if not isinstance(message, Mapping) or "job_name" not in message:
        raise UnreadableError(_NO_MESSAGE)
    job_name = _key(message["job_name"], _NO_MESSAGE)
    return ReconcileRequest(
        job_name,
        retry=message.get("retry") is True,
        confirm_deletion=message.get("confirm_deletion") is True,
        detect_drift=message.get("detect_drift") is True,
        check_code=message.get("check_code") is True,
        tries=_times(message.get("tries")),
        receives=_times(message.get("receives")),
    )


def of_stack_event(event: object, prefix: str) -> str | None:
    """Return the job whose stack changed its status, None when it is not a job's stack.

    Raises
    ------
    UnreadableError
        If it does not name a stack.
    """
    match event:
        case {"detail": {"stack-id": str(stack_id)}} if stack_id.count("/"):
            return jobs.job_name_of(prefix, stack_id.split("/")[1])
        case _:
            raise UnreadableError(_NO_STACK_EVENT)


def of_artifact_event(event: object) -> str | None:
    """Return the artifact that was pushed, None when nothing was pushed that a job can track.

    Neither its version nor the event's time is read: a reconcile looks up what is there by then.
    An event of ECR without a tag is about an image that only its digest names.

    Raises
    ------
    UnreadableError
        If it is not an event of S3 or ECR.
    """
    match event:
        case {"source": "aws.s3", "detail-type": str(kind), "detail": Mapping() as detail}:
            return _created_object(detail) if kind == "Object Created" else None
        case {
            "source": "aws.ecr",
            "account": str(account),
            "region": str(region),
            "detail": Mapping() as detail,
        }:
            return _pushed_image(account, region, detail)
        case _:
            raise UnreadableError(_NO_ARTIFACT)


def of_build_event(event: object) -> str | None:
    """Return the job whose build changed its status, None when it is not about a build of ours.

    Every build has its job's name in a variable, which the event repeats.
    """
    match event:
        case {
            "source": "aws.codebuild",
            "detail": {
                "additional-information": {"environment": {"environment-variables": list(given)}}
            },
        }:
            named = (each for each in given if isinstance(each, Mapping))
            names = [each.get("value") for each in named if each.get("name") == JOB_VARIABLE]
            return next((name for name in names if isinstance(name, str) and name), None)
        case _:
            return None


def _pushed_image(account: str, region: str, detail: Mapping[str, object]) -> str | None:
    match detail:
        case {
            "action-type": "PUSH",
            "result": "SUCCESS",
            "repository-name": str(repository),
            "image-tag": str(tag),
        }:
            return _key(image_in_ecr(account, region, repository, tag), _NO_ARTIFACT)
        case {"action-type": str(), "result": str()}:
            return None
        case _:
            raise UnreadableError(_NO_ARTIFACT)


def _created_object(detail: Mapping[str, object]) -> str:
    match detail:
        case {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}} if bucket and key:
            return _key(object_in_s3(bucket, key), _NO_ARTIFACT)
        case _:
            raise UnreadableError(_NO_ARTIFACT)


def of_execution_event(event: object, prefix: str) -> str | None:
    """Return the job whose execution changed its status, None when it is not a job's."""
    match event:
        case Mapping() if isinstance(detail := event.get("detail"), Mapping):
            arn = detail.get("stateMachineArn")
            return jobs.job_name_of(prefix, str(arn).rpartition(":")[2])
        case _:
            return None


def of_missed_schedule(record: Mapping[str, object], prefix: str) -> MissedSchedule:
    """Return the missed schedule in a message of EventBridge Scheduler's dead-letter queue.

    Raises
    ------
    UnreadableError
        If it is not from a job's schedule.
    """
    schedule = message_attribute(record, "SCHEDULE_ARN").rpartition("/")[2]
    time = message_attribute(record, "SCHEDULED_TIME")
    job_name = jobs.job_name_of(prefix, schedule.rpartition("-")[0])
    if job_name is None or not keys.is_time(time):
        raise UnreadableError(_NO_SCHEDULE)
    reasons = (message_attribute(record, name) for name in ("ERROR_CODE", "ERROR_MESSAGE"))
    return MissedSchedule(job_name, schedule, time, ": ".join(filter(None, reasons)) or "unknown")


def message_attribute(record: Mapping[str, object], name: str) -> str:
    """Return a text among the attributes of an SQS message as Lambda gets it, "" without one."""
    match record:
        case {"messageAttributes": Mapping() as attributes}:
            match attributes.get(name):
                case {"stringValue": str(text)}:
                    return text
    return ""


def _times(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < _MANY_TIMES else 0


def _key(name: object, otherwise: str) -> str:
    """Return a name that DynamoDB accepts as a key: one other would fail a whole batch's read."""
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
