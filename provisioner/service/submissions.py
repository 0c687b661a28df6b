"""The front door: work for a job that is named, put where the job gets its work from.

A job with a queue gets a message, as if it came by the topic: `max_concurrency` and `batch_size`
hold. Any other gets a run. Either has an address at once: `<job>.<name>`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError, PermanentError
from provisioner.jobs.row_content import content_digest
from provisioner.runs.messages import (
    DEAD_SUFFIX,
    RETENTION_SECONDS,
    RUN_PREFIX,
    UNTRIED_SECONDS,
    Message,
    MessageBatch,
    identity,
    request,
)
from provisioner.runs.model import time_of
from provisioner.service.audit import recorded
from provisioner.service.rights import Action
from provisioner.service.start_run import (
    InvalidRunError,
    KeyReusedError,
    RunRequest,
    check,
    start_run,
)

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.aws.submissions_table import Submission
    from provisioner.service.context import Service

DEAD_LETTER, EXPIRED = "DEAD_LETTER", "EXPIRED"

_KEPT = timedelta(seconds=UNTRIED_SECONDS + RETENTION_SECONDS)
"""In the job's queue, and then parked or dead. One that is unparked begins again in the queue."""

_NOT_FOR_MESSAGES = "is not possible: the job has a queue, and its messages carry a payload only"


@dataclass(frozen=True, slots=True)
class Submitted:
    """Work that was taken.

    Attributes
    ----------
    name
        What it is followed by; of its run, if it has one already.
    run
        None for a message: its run begins when the queue lets it.
    """

    name: str
    run: str | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that will start no run by itself.

    Attributes
    ----------
    status
        `DEAD_LETTER` or `EXPIRED`.
    redrive
        The command that has it delivered again; None when it is gone.
    """

    status: str
    at: datetime
    reason: str
    redrive: str | None


def submit(service: Service, job_name: str, asked: RunRequest) -> Submitted:
    """Take work for a job.

    Raises
    ------
    InvalidRunError
        If the row refuses the payload, or the work cannot be a message.
    KeyReusedError
        If the idempotency key was used for other work.
    PermanentError
        If the job has no stack.
    """
    if not _has_queue(service, job_name):
        started = start_run(service, job_name, asked)
        return Submitted(started.name, started.name, started.execution.is_new)
    message = _message(service, job_name, asked)
    _check_message(service, job_name, asked, message)
    digest = content_digest(asked.payload)
    if not service.submissions.add(job_name, message.id, digest):
        known = service.submissions.get(job_name, message.id)
        if known is None or known.request != digest:
            said = f"the idempotency key was used before, for another request: {message.id}"
            raise KeyReusedError(said)
        if known.is_sent:
            return Submitted(RUN_PREFIX + message.id, known.run, is_new=False)
    name = RUN_PREFIX + message.id
    with recorded(service, Action.SUBMIT, job_name, run=name):
        service.message_queues.send(job_name, message)
    service.submissions.sent(job_name, message.id)
    return Submitted(name, None, is_new=True)


def check_only(service: Service, job_name: str, asked: RunRequest) -> None:
    """Check work as `submit` does, and take none.

    Raises
    ------
    InvalidRunError
        If the row refuses the payload, or the work cannot be a message.
    PermanentError
        If the job has no stack.
    """
    if _has_queue(service, job_name):
        _check_message(service, job_name, asked, _message(service, job_name, asked))
    else:
        check(service, job_name, asked)


def follow(service: Service, job_name: str, name: str) -> str | Undelivered | None:
    """Return the run that work has become, or why it will be none.

    None as long as its message is in the queue. Work that nothing is known of may be a run of that
    name.
    """
    if not name.startswith(RUN_PREFIX):
        return name
    known = service.submissions.get(job_name, name.removeprefix(RUN_PREFIX))
    if known is None:
        return name
    run = known.run or name
    try:
        machine = service.output_of(job_name, "StateMachineArn")
        started = service.executions.started(machine, run)
    except PermanentError:  # the job's stack is gone, its runs are not
        return run
    return run if started else _undelivered(service.clock(), machine, known)


def _undelivered(now: datetime, machine: str, known: Submission) -> Undelivered | None:
    """Return what became of a message that SQS delivers no longer, None while it does."""
    dead_at, sent_at = time_of(known.dead_at), time_of(known.sent_at)
    last = max((at for at in (dead_at, sent_at) if at is not None), default=None)
    if last is not None and now >= last + _KEPT:
        why = f" could be started: {known.reason}" if known.reason else " was started in time"
        said = f"no run{why}. SQS keeps a message for 14 days, and has dropped it: submit it again"
        return Undelivered(EXPIRED, last + _KEPT, said, None)
    if dead_at is not None:
        queue = _dead_letter_queue(machine)
        said = f"no run could be started: {known.reason}. It is a dead-letter message in {queue}"
        redrive = f"aws sqs start-message-move-task --source-arn {queue}"
        return Undelivered(DEAD_LETTER, dead_at, said, redrive)
    return None


def _dead_letter_queue(machine: str) -> str:
    """Return the ARN of the dead-letter queue of a job, whose stack names all after itself."""
    where, _, name = machine.replace(":states:", ":sqs:", 1).partition(":stateMachine:")
    return f"{where}:{name}{DEAD_SUFFIX}"


def _has_queue(service: Service, job_name: str) -> bool:
    service.output_of(job_name, "StateMachineArn")  # which says what is wrong without one
    record = service.record(job_name)
    return record is not None and "QueueUrl" in record.outputs


def _message(service: Service, job_name: str, asked: RunRequest) -> Message:
    name = asked.idempotency_key or f"{service.clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    return Message(identity(name), request(job_name, name, asked.payload))


def _check_message(service: Service, job_name: str, asked: RunRequest, message: Message) -> None:
    """Check a message.

    Raises
    ------
    InvalidRunError
        If the row refuses the payload, or it is too large, or overrides or overlap are given.
    """
    if asked.overrides:
        raise InvalidRunError(asked, (), [("", _NOT_FOR_MESSAGES)])
    if asked.overlap is not None:
        raise InvalidRequestError(f"overlap {_NOT_FOR_MESSAGES}")
    check(service, job_name, asked)
    MessageBatch((message,), whole=True).input()
