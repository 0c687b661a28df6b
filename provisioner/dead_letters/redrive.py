"""How each dead-letter message is redriven, as a value that `provisioner.aws` carries out. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

from provisioner.dead_letters import content
from provisioner.dead_letters.content import Redrive

if TYPE_CHECKING:
    from provisioner.dead_letters.model import DeadLetterMessage


@dataclass(frozen=True, slots=True)
class ReconcileJobs:
    """Send a reconcile request for each job, with its failures reset.

    With `has_rows` the rows as they were become versions.
    """

    job_names: tuple[str, ...]
    has_rows: bool = False


@dataclass(frozen=True, slots=True)
class SendEvent:
    """Give an event to `run_events` asynchronously, as EventBridge does."""

    payload: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """Give a payload to one of the provisioner's functions, and wait for its answer."""

    function: str
    payload: str


RedriveStep: TypeAlias = ReconcileJobs | SendEvent | Invoke


def step(message: DeadLetterMessage) -> RedriveStep | None:
    """Return what redrives a message, None when nothing is to be done, or nothing can be."""
    match message.content.redrive:
        case Redrive.RECONCILE:
            has_rows = message.content.source == content.JOB_STREAM
            return ReconcileJobs(message.content.job_names, has_rows)
        case Redrive.RUN_EVENT:
            return SendEvent(message.payload)
        case Redrive.ARTIFACT_EVENT:
            return Invoke(content.ARTIFACT_EVENTS, message.payload)
        case Redrive.RUN_RECORDS:
            return Invoke(content.RUN_STREAM, message.payload)
        case Redrive.NOTIFICATION:
            return Invoke(content.NOTIFY, message.payload)
        case Redrive.MESSAGE:
            return Invoke(content.UNROUTED, submission(message))
        case Redrive.NOTHING | Redrive.IMPOSSIBLE:
            return None
        case _:
            assert_never(message.content.redrive)


def is_done(message: DeadLetterMessage) -> bool:
    """Tell whether a redriven message can be removed: all of it could be redriven.

    Its step comes first: a message that is redriven twice does no harm, a lost one does.
    """
    return message.content.redrive is not Redrive.IMPOSSIBLE and not message.content.problem


def submission(message: DeadLetterMessage) -> str:
    """Return a message to a job in the form that `unrouted` accepts."""
    [job_name] = message.content.job_names
    return json.dumps(
        {"job_name": job_name, "message_id": message.message_id, "body": message.payload}
    )
