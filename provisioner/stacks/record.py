"""What the Stacks row says once an action was taken. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias, assert_never

from provisioner.jobs import FieldError
from provisioner.stacks.deletion_budget import HELD
from provisioner.stacks.failure_causes import is_recoverable
from provisioner.stacks.model import (
    SETTLED,
    Condition,
    Deletion,
    Drift,
    DriftStatus,
    Failure,
    JobStatus,
    StackRecord,
    StackState,
    StackStatus,
)
from provisioner.stacks.plan import (
    MAX_ATTEMPTS,
    Action,
    ContinueRollback,
    Create,
    Delete,
    Desired,
    GiveUp,
    Hold,
    MarkInvalid,
    Nothing,
    Update,
    ValidRow,
    Wait,
    backoff,
)
from provisioner.stacks.rate_limits import PER_SECOND, Permit, Quota, Reservation

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ERRORS = 100
"""Errors that a Stacks row shows."""

DELETED_ROW_KEPT = timedelta(days=90)
"""As long as CloudFormation keeps a deleted stack describable by its id."""


@dataclass(frozen=True, slots=True)
class Done:
    """The call was accepted, or there was none to make."""

    stack_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An update had nothing to do: the stack is what the row asks for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The call was refused for good."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Nothing was called, or not accepted; the job is looked at again `until` then."""

    quota: Quota
    until: datetime


Outcome: TypeAlias = Done | Unchanged | Refused


def after(
    record: StackRecord,
    desired: Desired,
    observed: StackState | None,
    action: Action,
    outcome: Outcome,
    now: datetime,
) -> StackRecord:
    """Return the row to write; equal to `record` when there is nothing new to say."""
    fresh = _observe(_want(replace(record, reservation=None), desired), observed)
    if desired is not None:
        fresh = replace(fresh, expires_at=None, deletion=None)
    match outcome:
        case Done(stack_id=stack_id):
            fresh = _act(replace(fresh, stack_id=stack_id or fresh.stack_id), action, now)
        case Unchanged():
            fresh = _rest(replace(fresh, deployed_digest=fresh.spec_digest), JobStatus.READY, now)
        case Refused(failure=failure):
            fresh = _refuse(fresh, failure, now)
        case _:
            assert_never(outcome)
    return _dated(record, fresh, now)


def waiting(
    record: StackRecord, desired: Desired, quota: Quota, permit: Permit, now: datetime
) -> StackRecord:
    """Return the row of a job that cannot go on yet; equal to `record` when that is no news.

    What was tried for which spec stays as it was, for nothing is tried.
    """
    reservation = Reservation(quota, permit.at, kept=permit.kept)
    fresh = replace(retaining(record, desired), reservation=reservation)
    if quota is Quota.DESCRIBE:
        return _dated(record, fresh, now)
    if record.status is not JobStatus.RETRYING:
        fresh = replace(fresh, status=JobStatus.PENDING, errors=(), expires_at=None)
    return _dated(record, fresh, now, permit.reason or _turn(quota, permit))


def retaining(record: StackRecord, desired: Desired) -> StackRecord:
    """Return the record that knows whether the stack is to outlive its row.

    That is remembered at once, even by who has to wait: the row may be gone when the turn comes.
    """
    if not isinstance(desired, ValidRow):
        return record
    return replace(record, retain=desired.job.deletion_policy == "retain")


def leaving(record: StackRecord, resources: Iterable[str]) -> StackRecord:
    """Return the record that tells which resources its stack's deletion leaves behind."""
    return replace(
        record, retained_resources=tuple(dict.fromkeys((*record.retained_resources, *resources)))
    )


def confirming(record: StackRecord) -> StackRecord:
    """Return the record of a job whose deletion somebody has confirmed, if it was held."""
    is_held = record.deletion is Deletion.HELD
    return replace(record, deletion=Deletion.CONFIRMED) if is_held else record


def reset_failures(record: StackRecord) -> StackRecord:
    """Return the record as if nothing had been tried, for a person asked to try again."""
    return replace(
        record, spec_digest=None, failure=None, attempts=0, recoveries=0, next_attempt_at=None
    )


def _turn(quota: Quota, permit: Permit) -> str:
    return (
        f"Its turn comes at about {permit.at:%H:%M:%S} UTC: CloudFormation takes "
        f"{PER_SECOND[quota]:g} of the {quota} calls a second."
    )


def _dated(record: StackRecord, fresh: StackRecord, now: datetime, reason: str = "") -> StackRecord:
    fresh = replace(fresh, conditions=_conditions(fresh, reason, now))
    return record if fresh == record else replace(fresh, updated_at=now)


def _want(record: StackRecord, desired: Desired) -> StackRecord:
    if not isinstance(desired, ValidRow):
        return record
    record = replace(retaining(record, desired), errors=())
    # A paused row is not looked up, so its digest is not the one that would be deployed.
    if record.spec_digest == desired.digest or desired.job.paused:
        return record
    return replace(
        record,
        spec_digest=desired.digest,
        failure=None,
        attempts=0,
        recoveries=0,
        next_attempt_at=None,
    )


def _observe(record: StackRecord, observed: StackState | None) -> StackRecord:
    if observed is None:
        return replace(
            record,
            cloudformation_status=StackStatus.DELETE_COMPLETE if record.stack_id else None,
            deployed_digest=None,
            outputs={},
            drift=None,
        )
    if not observed.ours:
        return replace(record, deployed_digest=None, outputs={})
    record = replace(
        record,
        cloudformation_status=observed.status,
        stack_id=observed.stack_id,
        drift=observed.drift,
    )
    if observed.status in SETTLED:
        return replace(record, deployed_digest=observed.digest, outputs=dict(observed.outputs))
    return record


def _act(record: StackRecord, action: Action, now: datetime) -> StackRecord:
    match action:
        case Create() | Update():
            status = JobStatus.CREATING if isinstance(action, Create) else JobStatus.UPDATING
            return replace(record, status=status, next_attempt_at=None, recoveries=0)
        case Delete(retain_resources=kept):
            return replace(_recover(leaving(record, kept)), status=JobStatus.DELETING)
        case ContinueRollback():
            return replace(_recover(record), status=JobStatus.UPDATING)
        case Wait(status=JobStatus.RETRYING, until=until, failure=failure):
            tried = record.next_attempt_at != until
            return replace(
                record,
                status=JobStatus.RETRYING,
                failure=failure,
                next_attempt_at=until,
                attempts=record.attempts + tried,
            )
        case Wait(status=status):
            return replace(record, status=status)
        case Hold():
            return replace(record, status=JobStatus.PENDING, deletion=Deletion.HELD)
        case Nothing(status=status):
            return _rest(record, status, now)
        case MarkInvalid(errors=errors):
            return replace(record, status=JobStatus.INVALID, errors=_shown(errors))
        case GiveUp(failure=failure):
            return _fail(record, failure)
        case _:
            assert_never(action)


def _recover(record: StackRecord) -> StackRecord:
    return replace(record, recoveries=record.recoveries + 1, next_attempt_at=None)


def _rest(record: StackRecord, status: JobStatus, now: datetime) -> StackRecord:
    record = replace(record, status=status)
    match status:
        case JobStatus.READY:
            return replace(
                record,
                failure=None,
                attempts=0,
                recoveries=0,
                next_attempt_at=None,
                retained_resources=(),
            )
        case JobStatus.DELETED:
            expires_at = record.expires_at or int((now + DELETED_ROW_KEPT).timestamp())
            return replace(
                record, errors=(), failure=None, spec_digest=None, recoveries=0, attempts=0,
                next_attempt_at=None, retain=False, deletion=None, expires_at=expires_at,
            )  # fmt: skip
        case _:
            return record


def _fail(record: StackRecord, failure: Failure) -> StackRecord:
    attempts = record.attempts + (record.status is not JobStatus.FAILED)
    return replace(
        record, status=JobStatus.FAILED, failure=failure, attempts=attempts, next_attempt_at=None
    )


def _refuse(record: StackRecord, failure: Failure, now: datetime) -> StackRecord:
    """Try a refused call again later when its reason passes by itself, a quota for one."""
    if not is_recoverable(failure.reason) or record.attempts + 1 >= MAX_ATTEMPTS:
        return _fail(record, failure)
    return replace(
        record,
        status=JobStatus.RETRYING,
        failure=failure,
        attempts=record.attempts + 1,
        next_attempt_at=now + backoff(failure, record.attempts),
    )


def unseen(record: StackRecord, desired: Desired, reason: str, now: datetime) -> StackRecord:
    """Return the row of a job that could not even be looked at: a permission is missing, say."""
    fresh = retaining(record, desired)
    told = record.failure.reason if record.failure else None
    if record.status is not JobStatus.FAILED or told != reason:
        fresh = _fail(fresh, Failure(reason, at=now))
    return _dated(record, fresh, now)


def _shown(errors: tuple[FieldError, ...]) -> tuple[FieldError, ...]:
    """Return as many errors as a person reads: the row stays far below DynamoDB's 400 KB."""
    shown = tuple(replace(e, field=e.field[:200], message=e.message[:500]) for e in errors)
    if len(errors) <= MAX_ERRORS:
        return shown
    return (*shown[:MAX_ERRORS], FieldError("", f"and {len(errors) - MAX_ERRORS} more"))


def _conditions(record: StackRecord, message: str, now: datetime) -> tuple[Condition, ...]:
    """Say in Kubernetes's terms whether the job can run, and whether it is the row's."""
    ready = record.status is JobStatus.READY
    why = record.status.title()
    if record.status is JobStatus.INVALID:
        message = "; ".join(f"{error.field}: {error.message}" for error in record.errors)[:1000]
    elif record.deletion is Deletion.HELD:
        why, message = "DeletionHeld", HELD
    elif record.failure is not None:
        message = record.failure.reason
    wanted: tuple[tuple[str, str, str, str], ...] = (
        ("Ready", "True" if ready else "False", why, message),
        ("InSync", str(record.in_sync), "DigestsAgree" if record.in_sync else "DigestsDiffer", ""),
    )
    if record.drift is not None:
        wanted += (_drifted(record.drift),)
    before = {condition.type: condition for condition in record.conditions}
    return tuple(
        Condition(
            type=kind,
            status=status,
            reason=reason,
            message=text,
            last_transition_time=before[kind].last_transition_time
            if kind in before and before[kind].status == status
            else now,
        )
        for kind, status, reason, text in wanted
    )


def _drifted(drift: Drift) -> tuple[str, str, str, str]:
    checked = f"last checked {drift.checked_at:%Y-%m-%d %H:%M} UTC"
    match drift.status:
        case DriftStatus.DRIFTED if drift.missing:
            gone = ", ".join(drift.missing)
            return "Drifted", "True", "ResourcesDeleted", f"Deleted by hand: {gone}; {checked}"
        case DriftStatus.DRIFTED:
            return "Drifted", "True", "ResourcesChanged", f"Changed by hand; {checked}"
        case DriftStatus.IN_SYNC:
            return "Drifted", "False", "ResourcesAsDeployed", checked
        case DriftStatus.UNKNOWN | DriftStatus.NOT_CHECKED:
            return "Drifted", "Unknown", "NotFoundOut", checked
        case _:
            assert_never(drift.status)
