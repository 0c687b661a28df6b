"""What happened to a job's stack, operation by operation, with the reason of each that failed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from provisioner.aws import stack_history
from provisioner.aws.stack_events import FAILED_EVENT, failure_of
from provisioner.errors import NotFoundError
from provisioner.stacks.request_tokens import without_digest
from provisioner.stacks.stack_status import StackStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from provisioner.aws.stack_events import Event
    from provisioner.service.context import Service
    from provisioner.stacks.model import Failure


@dataclass(frozen=True, slots=True)
class ResourceEvent:
    """A change of one resource's status."""

    at: datetime
    resource: str
    type: str
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One creation, update or deletion of a stack.

    Attributes
    ----------
    token
        Of the request that started it, without the digest in it: it is of hidden values, too.
    status
        The stack's after its last event.
    failure
        The resource that failed first, and why; None when none did.
    events
        Newest first.
    """

    token: str | None
    status: str
    began_at: datetime
    last_at: datetime
    failure: Failure | None
    events: Sequence[ResourceEvent]


def operations(service: Service, job_name: str) -> list[Operation]:
    """Return the last operations of a job's stack, newest first, as one page of events has them.

    Raises
    ------
    NotFoundError
        If the job does not exist, or its stack was never created.
    """
    record = service.record(job_name)
    if record is None or record.stack_id is None:
        if record is None:
            service.existing_row(job_name)
        message = f"{job_name} has no stack yet"
        raise NotFoundError(message)
    found = stack_history.latest(service.clients, record.stack_id)
    grouped = groupby(found, key=lambda event: event.get("ClientRequestToken"))
    return [_operation(token, list(events)) for token, events in grouped]


def _operation(token: str | None, newest_first: list[Event]) -> Operation:
    of_stack = (each for each in newest_first if each["PhysicalResourceId"] == each["StackId"])
    last = next(of_stack, newest_first[0])
    failed = any(each["ResourceStatus"] in FAILED_EVENT for each in newest_first)
    status = str(last["ResourceStatus"])
    known = StackStatus(status) if status in set(StackStatus) else StackStatus.UPDATE_FAILED
    return Operation(
        token=without_digest(token),
        status=status,
        began_at=newest_first[-1]["Timestamp"],
        last_at=newest_first[0]["Timestamp"],
        failure=failure_of(newest_first, known, None) if failed else None,
        events=[_event(each) for each in newest_first],
    )


def _event(event: Event) -> ResourceEvent:
    return ResourceEvent(
        at=event["Timestamp"],
        resource=str(event["LogicalResourceId"]),
        type=str(event["ResourceType"]),
        status=str(event["ResourceStatus"]),
        reason=event.get("ResourceStatusReason"),
    )
