"""The events of a stack: why its last operation failed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from provisioner.stacks.model import Failure
from provisioner.stacks.request_tokens import CONTINUE, digest_of
from provisioner.stacks.stack_status import StackStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Event = Mapping[str, Any]
"""As DescribeStackEvents returns it."""

FAILED_EVENT = frozenset(
    {
        "CREATE_FAILED",
        "UPDATE_FAILED",
        "DELETE_FAILED",
        "IMPORT_FAILED",
        "EXPORT_FAILED",
        "ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_FAILED",
        "IMPORT_ROLLBACK_FAILED",
        "EXPORT_ROLLBACK_FAILED",
    }
)
"""Statuses of a resource's events (ResourceStatus): it could not do what was asked."""

ROLLED_BACK_EVENT = frozenset(
    {
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "IMPORT_ROLLBACK_IN_PROGRESS",
        "EXPORT_ROLLBACK_IN_PROGRESS",
    }
)
"""The stack goes back; its event says why."""

_CANCELLED = re.compile(r"cancell?ed", re.IGNORECASE)


def failure_of(
    newest_first: Iterable[Event], status: StackStatus, digest: str | None
) -> Failure | None:
    """Return why the last operation failed, None without any event.

    The reason is that of the resource that failed first: the others were cancelled because of it.

    Parameters
    ----------
    newest_first
        The stack's events; no more are read than those of the last operation.
    status
        The stack's.
    digest
        Which the stack carries: the one that failed, if the operation's token does not say so.
    """
    events = list(_last_operation(newest_first))
    if not events:
        return None
    token = events[0].get("ClientRequestToken")
    failed = [event for event in reversed(events) if _is_failed_resource(event)]
    says_why = FAILED_EVENT | ROLLED_BACK_EVENT
    explained = (event for event in reversed(events) if event["ResourceStatus"] in says_why)
    first = failed[0] if failed else next(explained, events[0])
    kind = "DELETE_FAILED" if status is StackStatus.DELETE_FAILED else "UPDATE_FAILED"
    in_the_way = (
        event["LogicalResourceId"]
        for event in failed
        if event["ResourceStatus"] == kind and event.get("ClientRequestToken") == token
    )
    return Failure(
        reason=first.get("ResourceStatusReason") or f"The stack is in {status}.",
        at=first["Timestamp"].astimezone(UTC),
        resource=first["LogicalResourceId"] if failed else None,
        digest=digest_of(token) or digest,
        resources=tuple(dict.fromkeys(in_the_way)),
    )


def left_behind(newest_first: Iterable[Event]) -> tuple[str, ...]:
    """Return what the last operation removed from the stack and could not delete, by name and id.

    CloudFormation gives a resource up after three attempts (its troubleshooting guide).
    """
    left: dict[str, None] = {}
    for event in reversed(list(_last_operation(newest_first))):
        resource = f"{event['LogicalResourceId']} {event.get('PhysicalResourceId', '')}".strip()
        if event["ResourceStatus"] == "DELETE_FAILED":
            left[resource] = None
        elif event["ResourceStatus"] == "DELETE_COMPLETE":
            left.pop(resource, None)
    return tuple(left)


def _is_failed_resource(event: Event) -> bool:
    """Tell whether an event says that a resource, and not the stack, failed of its own accord."""
    return (
        event["ResourceStatus"] in FAILED_EVENT
        and event.get("PhysicalResourceId") != event["StackId"]
        and not _CANCELLED.search(event.get("ResourceStatusReason", ""))
    )


def _last_operation(newest_first: Iterable[Event]) -> Iterator[Event]:
    """Yield the events of the last operation, and of the one whose rollback it continued."""
    tokens: list[str | None] = []
    for event in newest_first:
        token = event.get("ClientRequestToken")
        if token not in tokens:
            if tokens and not (tokens[-1] or "").startswith(CONTINUE):
                return
            tokens.append(token)
        yield event
