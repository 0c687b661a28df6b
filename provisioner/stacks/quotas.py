"""Which of CloudFormation's quotas a reconcile is going to use. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from provisioner.jobs import InvalidRow
from provisioner.stacks.actions import (
    ContinueRollback,
    Create,
    Delete,
    Desired,
    StackOperation,
    Update,
)
from provisioner.stacks.model import JobStatus, StackRecord, StackState
from provisioner.stacks.rate_limits import Quota
from provisioner.stacks.stack_status import StackStatus

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.stacks.plan import Decide

_IN_PROGRESS = frozenset({JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING})


def needed(desired: Desired, record: StackRecord, now: datetime, decide: Decide) -> Quota | None:
    """Tell from row and record alone which quota the reconcile will need; None is none at all.

    CloudFormation is not asked, so a burst of rows makes its reservations without a single call.
    What is observed later may differ, and decides what is done.
    """
    if isinstance(desired, InvalidRow) and record.stack_id is None:
        return None
    if record.status in _IN_PROGRESS:
        return Quota.DESCRIBE
    action = decide(desired, record, last_observed(record), now)
    return quota_of(action) if isinstance(action, StackOperation) else Quota.DESCRIBE


def quota_of(operation: StackOperation) -> Quota:
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


def last_observed(record: StackRecord) -> StackState | None:
    """Return the stack as it was when it was last observed."""
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
        template_version=record.template_version,
    )
