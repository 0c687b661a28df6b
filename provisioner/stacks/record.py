"""What the Stacks row says once an action was taken. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from provisioner.jobs.errors import at_most
from provisioner.stacks.actions import (
    ContinueRollback,
    Create,
    Delete,
    Desired,
    GiveUp,
    Hold,
    MarkInvalid,
    Nothing,
    StackAction,
    Update,
    ValidRow,
    Wait,
)
from provisioner.stacks.attempts import Attempts, TryLater
from provisioner.stacks.builds import forget_failure
from provisioner.stacks.conditions import conditions_of
from provisioner.stacks.deployments import pinned_of, with_deployment
from provisioner.stacks.model import Deletion, Failure, JobStatus, StackRecord, StackState
from provisioner.stacks.outcomes import Done, OperationOutcome, Refused, Unchanged
from provisioner.stacks.rate_limits import PER_SECOND, Permit, Quota, Reservation
from provisioner.stacks.stack_status import SETTLED, StackStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provisioner.jobs import FieldError

DELETED_ROW_KEPT = timedelta(days=90)
"""As long as CloudFormation keeps a deleted stack describable by its id."""


def after(
    record: StackRecord,
    desired: Desired,
    observed: StackState | None,
    action: StackAction,
    outcome: OperationOutcome,
    now: datetime,
) -> StackRecord:
    """Return the row to write; equal to `record` when there is nothing new."""
    fresh = _observe(_want(replace(record, reservation=None), desired), observed)
    if desired is not None:
        fresh = replace(fresh, expires_at=None, deletion=None)
    match outcome:
        case Done(stack_id, mode, other_mode):
            fresh = replace(
                fresh,
                stack_id=stack_id or fresh.stack_id,
                deployment_mode=mode or fresh.deployment_mode,
                other_mode=other_mode if mode else fresh.other_mode,
            )
            fresh = _act(fresh, action, now)
        case Unchanged():
            version = desired.template_version if isinstance(desired, ValidRow) else None
            same = replace(fresh, deployed_digest=fresh.spec_digest, template_version=version)
            fresh = _rest(same, JobStatus.READY, now)
        case Refused(failure=failure):
            fresh = _refuse(fresh, failure, now)
        case _:
            assert_never(outcome)
    if fresh.status is JobStatus.READY and isinstance(desired, ValidRow):
        fresh = with_deployment(fresh, desired, now)
    return _dated(record, _upgraded(fresh, now), now)


def _upgraded(record: StackRecord, now: datetime) -> StackRecord:
    """Note that the job is READY with the templates that an upgrade chose it for.

    Or with those of a later release, since: then that upgrade is over for it, and does not resume
    when its release comes back.
    """
    mark = record.upgrade
    if mark is None or mark.ended_at is not None or record.status is not JobStatus.READY:
        return record
    if record.template_version != mark.to:
        last = record.deployments[0] if record.deployments else None
        is_over = last is not None and last.at > mark.at and last.template_version != mark.to
        return replace(record, upgrade=None) if is_over else record
    return replace(record, upgrade=replace(mark, ended_at=now))


def rate_limited(
    record: StackRecord, desired: Desired, quota: Quota, permit: Permit, now: datetime
) -> StackRecord:
    """Return the row of a job that has to wait; equal to `record` when that is nothing new.

    What was tried for which spec stays as it was, because nothing is tried.
    """
    reservation = Reservation(quota, permit.at, kept=permit.kept)
    fresh = replace(with_deletion_policy(record, desired), reservation=reservation)
    if quota is Quota.DESCRIBE:
        return _dated(record, fresh, now)
    if record.status is not JobStatus.RETRYING:
        fresh = replace(fresh, status=JobStatus.PENDING, errors=(), expires_at=None)
    return _dated(record, fresh, now, permit.reason or _reserved(quota, permit))


def with_deletion_policy(record: StackRecord, desired: Desired) -> StackRecord:
    """Return the record that knows whether the stack is to outlive its row.

    That is remembered even while the job waits: the row may be gone when it is reconciled again.
    """
    if not isinstance(desired, ValidRow):
        return record
    return replace(record, retain=desired.job.deletion_policy == "retain")


def with_retained_resources(record: StackRecord, resources: Iterable[str]) -> StackRecord:
    """Return the record that names the resources that its stack's deletion leaves behind."""
    return replace(
        record, retained_resources=tuple(dict.fromkeys((*record.retained_resources, *resources)))
    )


def confirm_deletion(record: StackRecord) -> StackRecord:
    """Return the record of a job whose deletion a person has confirmed, if it was held."""
    is_held = record.deletion is Deletion.HELD
    return replace(record, deletion=Deletion.CONFIRMED) if is_held else record


def reset_failures(record: StackRecord) -> StackRecord:
    """Return the record as if nothing had been tried: a person asked for another attempt."""
    return forget_failure(Attempts().on(record))


def _reserved(quota: Quota, permit: Permit) -> str:
    return (
        f"It is reconciled again at about {permit.at:%H:%M:%S} UTC: CloudFormation accepts "
        f"{PER_SECOND[quota]:g} {quota} calls per second."
    )


def _dated(record: StackRecord, fresh: StackRecord, now: datetime, reason: str = "") -> StackRecord:
    fresh = replace(fresh, conditions=conditions_of(fresh, reason, now))
    return record if fresh == record else replace(fresh, updated_at=now)


def _want(record: StackRecord, desired: Desired) -> StackRecord:
    if not isinstance(desired, ValidRow):
        return record
    record = replace(with_deletion_policy(record, desired), errors=())
    # The artifact of a paused row is not pinned, so this digest is not the one to deploy.
    if desired.job.paused:
        return record
    record = replace(record, pinned=pinned_of(desired.job))
    if record.spec_digest == desired.digest:
        return record
    return Attempts(desired.digest).on(record)


def _observe(record: StackRecord, observed: StackState | None) -> StackRecord:
    if observed is None:
        return replace(
            record,
            cloudformation_status=StackStatus.DELETE_COMPLETE if record.stack_id else None,
            deployed_digest=None,
            template_version=None,
            outputs={},
            drift=None,
        )
    if not observed.ours:
        return replace(record, deployed_digest=None, template_version=None, outputs={})
    record = replace(
        record,
        cloudformation_status=observed.status,
        stack_id=observed.stack_id,
        drift=observed.drift,
    )
    if observed.status in SETTLED:
        return replace(
            record,
            deployed_digest=observed.digest,
            template_version=observed.template_version,
            outputs=dict(observed.outputs),
            retained_resources=observed.left_behind,
        )
    return record


def _act(record: StackRecord, action: StackAction, now: datetime) -> StackRecord:
    match action:
        case Create() | Update():
            status = JobStatus.CREATING if isinstance(action, Create) else JobStatus.UPDATING
            return replace(record, status=status, next_attempt_at=None, recoveries=0)
        case Delete(retain_resources=kept):
            return replace(
                _recover(with_retained_resources(record, kept)), status=JobStatus.DELETING
            )
        case ContinueRollback():
            return replace(_recover(record), status=JobStatus.UPDATING)
        case Wait(status=JobStatus.RETRYING, until=until, failure=failure):
            return _retry(record, failure, until)
        case Wait(status=status):
            return replace(record, status=status)
        case Hold():
            return replace(record, status=JobStatus.PENDING, deletion=Deletion.HELD)
        case Nothing(status=status):
            return _rest(record, status, now)
        case MarkInvalid(errors=errors):
            return replace(record, status=JobStatus.INVALID, errors=_shown(errors))
        case GiveUp(failure=failure):
            return _fail(record, _as_known(record, failure, now))
        case _:
            assert_never(action)


def _recover(record: StackRecord) -> StackRecord:
    return replace(record, recoveries=record.recoveries + 1, next_attempt_at=None)


def _rest(record: StackRecord, status: JobStatus, now: datetime) -> StackRecord:
    record = replace(record, status=status)
    match status:
        case JobStatus.READY:
            return Attempts(record.spec_digest).on(record)
        case JobStatus.DELETED:
            expires_at = record.expires_at or int((now + DELETED_ROW_KEPT).timestamp())
            # A stack that was just created is not described everywhere yet.
            retain = record.retain and record.stack_id is not None
            record = replace(Attempts().on(record), errors=(), retain=retain, deletion=None)
            return replace(record, expires_at=expires_at, upgrade=None)
        case _:
            return record


def _as_known(record: StackRecord, failure: Failure, now: datetime) -> Failure:
    """Return a failure that is only seen now, without an event, as the row has it already."""
    known = record.failure if record.status is JobStatus.FAILED else None
    if known and failure.at == now and replace(failure, at=known.at) == known:
        return known
    return failure


def _fail(record: StackRecord, failure: Failure) -> StackRecord:
    attempts = record.attempts + (record.status is not JobStatus.FAILED)
    return replace(
        record, status=JobStatus.FAILED, failure=failure, attempts=attempts, next_attempt_at=None
    )


def _refuse(record: StackRecord, failure: Failure, now: datetime) -> StackRecord:
    """Try a refused call again later when its reason passes by itself, a quota for example."""
    verdict = Attempts(failure.digest, count=record.attempts).verdict(failure, now)
    if isinstance(verdict, TryLater):
        return _retry(record, verdict.failure, verdict.until)
    return _fail(record, failure)


def _retry(record: StackRecord, failure: Failure | None, at: datetime | None) -> StackRecord:
    # The same time again is the same attempt, which was counted.
    is_new = record.next_attempt_at != at
    return replace(
        record,
        status=JobStatus.RETRYING,
        failure=failure,
        next_attempt_at=at,
        attempts=record.attempts + is_new,
    )


def after_error(record: StackRecord, desired: Desired, reason: str, now: datetime) -> StackRecord:
    """Return the row of a job that could not be reconciled, because a permission is missing."""
    fresh = with_deletion_policy(record, desired)
    shown = record.failure.reason if record.failure else None
    if record.status is not JobStatus.FAILED or shown != reason:
        fresh = _fail(fresh, Failure(reason, at=now))
    return _dated(record, fresh, now)


def _shown(errors: tuple[FieldError, ...]) -> tuple[FieldError, ...]:
    """Return as many errors as a person reads: the row stays far below DynamoDB's 400 KB."""
    return tuple(
        replace(error, field=error.field[:200], message=error.message[:500])
        for error in at_most(errors)
    )
