"""Which of CloudFormation's quotas a look at a job is going to use. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from provisioner.jobs import InvalidRow
from provisioner.stacks.model import JobStatus, StackRecord, StackState, StackStatus
from provisioner.stacks.plan import (
    ContinueRollback,
    Create,
    Delete,
    Desired,
    Operation,
    Update,
    decide,
)
from provisioner.stacks.rate_limits import Quota

if TYPE_CHECKING:
    from datetime import datetime

_IN_PROGRESS = frozenset({JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING})


def needed(desired: Desired, record: StackRecord, now: datetime) -> Quota | None:
    """Judge from row and record alone what the look will need; None is nothing at all.

    CloudFormation is not asked, so a burst of rows stands in line without a single call. What the
    look then finds may differ; what it does is decided by that.
    """
    if isinstance(desired, InvalidRow) and record.stack_id is None:
        return None
    if record.status in _IN_PROGRESS:
        return Quota.DESCRIBE
    action = decide(desired, record, _believed(record), now)
    return quota_of(action) if isinstance(action, Operation) else Quota.DESCRIBE


def quota_of(operation: Operation) -> Quota:
    """Return the quota of the call that an operation is."""
    match operation:
        case Create():
            return Quota.CREATE
        case Update():
            return Quota.UPDATE
        case Delete():
            return Quota.DELETE
        case ContinueRollback():
            return Quota.CONTINUE
        case _:
            assert_never(operation)


def _believed(record: StackRecord) -> StackState | None:
    """Return the stack as it was when we last looked."""
    status = record.cloudformation_status
    if record.stack_id is None or status in {None, StackStatus.DELETE_COMPLETE}:
        return None
    return StackState(
        stack_id=record.stack_id,
        status=status,
        ours=True,
        digest=record.deployed_digest,
        retain=record.retain,
        outputs=record.outputs,
        failure=record.failure,
    )
