"""What to do next for one job: `decide`, the heart of the provisioner. Pure.

It is given what is wanted, what we last did and what is there, and names one action. It never
looks at how the news came: an event lost, repeated or late changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from provisioner.jobs import FieldError, InvalidRow, Job
from provisioner.stacks.failure_causes import is_recoverable
from provisioner.stacks.model import (
    IN_PROGRESS,
    NEVER_CREATED,
    SETTLED,
    Deletion,
    Drift,
    Failure,
    JobStatus,
    StackRecord,
    StackState,
    StackStatus,
)
from provisioner.stacks.rate_limits import is_plausible

MAX_ATTEMPTS = 5
"""Failed operations of one digest before it is FAILED."""

_FIRST_BACKOFF = timedelta(seconds=30)
# One queued message can carry any of them: SQS delays at most 15 minutes.
_LONGEST_BACKOFF = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ValidRow:
    """A valid row: its job with the artifact pinned, and the digest of that."""

    job: Job
    digest: str


Desired: TypeAlias = ValidRow | InvalidRow | None
"""What the row asks for; None when there is no row."""


@dataclass(frozen=True, slots=True)
class Create:
    """Call CreateStack."""

    wanted: ValidRow


@dataclass(frozen=True, slots=True)
class Update:
    """Call UpdateStack, to a template without what is `missing`: the next update makes it again."""

    wanted: ValidRow
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Call DeleteStack, giving up `retain_resources`, or whatever will not go when `force`."""

    retain_resources: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class ContinueRollback:
    """Call ContinueUpdateRollback, skipping `resources_to_skip`, or whatever fails when `force`.

    With both, the resources are for who cannot force.
    """

    resources_to_skip: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until an event comes, or until `until` when a failure is to be tried again."""

    status: JobStatus
    until: datetime | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Do not delete the stack before somebody has confirmed it."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is as it should be."""

    status: JobStatus


@dataclass(frozen=True, slots=True)
class MarkInvalid:
    """Tell the row's author what is wrong with it; the stack stays as it is."""

    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A person has to act; the stack stays as it is."""

    failure: Failure


Operation: TypeAlias = Create | Update | Delete | ContinueRollback
"""What CloudFormation is called for."""

Action: TypeAlias = Operation | Wait | Hold | Nothing | MarkInvalid | GiveUp


def decide(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> Action:
    """Name the one next action for a job.

    Parameters
    ----------
    desired
        What the row asks for, read consistently.
    record
        The job's Stacks row; a blank one when there is none yet.
    observed
        The stack, None when there is none.
    now
        Time zone aware.
    """
    if observed is not None and observed.status is StackStatus.DELETE_COMPLETE:
        observed = None
    match desired:
        case InvalidRow(errors=errors):
            return MarkInvalid(errors)
        case None:
            return _decide_absent(record, observed, now)
        case ValidRow(job=job) if job.paused:
            return Nothing(JobStatus.PAUSED)
        case ValidRow():
            return _decide_wanted(desired, _tried_for(desired, record), observed, now)
        case _:
            assert_never(desired)


def _decide_wanted(
    wanted: ValidRow, record: StackRecord, observed: StackState | None, now: datetime
) -> Action:
    if observed is None:
        return _unless_failed(Create(wanted), _remembered(wanted, record), record, now)
    if observed.status is StackStatus.REVIEW_IN_PROGRESS:
        return Delete()  # an empty shell left by a change set: nothing in it belongs to anyone
    if not observed.ours:
        return GiveUp(_foreign(observed, now))
    status = observed.status
    if status in IN_PROGRESS:
        return Wait(_IN_PROGRESS_AS[status])
    if status in NEVER_CREATED:
        carried = observed.digest == wanted.digest and record.spec_digest == wanted.digest
        failure = (observed.failure or _unexplained(observed, now)) if carried else None
        return _unless_failed(Delete(), failure, record, now)
    if status is StackStatus.DELETE_FAILED:
        return _delete_again(record, observed, now)
    if status is StackStatus.UPDATE_ROLLBACK_FAILED:
        return _continue_rollback(record, observed, now)
    if status in SETTLED or status is StackStatus.UPDATE_FAILED:
        return _decide_updatable(wanted, record, observed, now)
    return GiveUp(observed.failure or _unexplained(observed, now))


def _decide_updatable(
    wanted: ValidRow, record: StackRecord, observed: StackState, now: datetime
) -> Action:
    if observed.status in SETTLED:
        if observed.drift and observed.drift.missing:
            return _decide_missing(wanted, record, observed.drift)
        if observed.digest == wanted.digest:
            return Nothing(JobStatus.READY)
    told = (_of_this_digest(wanted, record, observed), _remembered(wanted, record))
    failure = max(filter(None, told), key=lambda each: each.at, default=None)
    return _unless_failed(Update(wanted), failure, record, now)


def _decide_missing(wanted: ValidRow, record: StackRecord, drift: Drift) -> Action:
    """Make again what somebody deleted when the row has changed, or somebody asks for it."""
    if record.spec_digest != wanted.digest:
        return Update(wanted, drift.missing)
    reason = f"Deleted by hand: {', '.join(drift.missing)}. `provisioner retry` makes it again."
    # It is no failure of the spec: without the whole stack it is simply made.
    return GiveUp(Failure(reason, at=drift.checked_at, resource=drift.missing[0]))


def _tried_for(wanted: ValidRow, record: StackRecord) -> StackRecord:
    """Return the record with what was tried for this very spec."""
    if record.spec_digest == wanted.digest:
        return record
    return replace(record, attempts=0, recoveries=0)


def _decide_absent(record: StackRecord, observed: StackState | None, now: datetime) -> Action:
    if observed is None:
        return Nothing(JobStatus.DELETED)
    if observed.status is StackStatus.REVIEW_IN_PROGRESS:
        return Delete()  # an empty shell: there is nothing to retain
    if not observed.ours:
        return Nothing(JobStatus.DELETED)
    if record.retain if record.version else observed.retain:
        return Nothing(JobStatus.RETAINED)
    if observed.status in IN_PROGRESS:
        return Wait(_IN_PROGRESS_AS[observed.status])
    if observed.status is StackStatus.DELETE_FAILED:
        return _delete_again(record, observed, now)
    return Hold() if record.deletion is Deletion.HELD else Delete()


def counts_as_deletion(operation: Operation, desired: Desired, observed: StackState) -> bool:
    """Tell whether an operation takes away what worked, because the row is gone."""
    if not isinstance(operation, Delete) or desired is not None:
        return False
    return observed.status not in NEVER_CREATED and observed.status is not StackStatus.DELETE_FAILED


def _unless_failed(
    action: Create | Update | Delete, failure: Failure | None, record: StackRecord, now: datetime
) -> Action:
    """Return `action`, unless this very digest failed: then later, or not at all."""
    if failure is None:
        return action
    if not is_recoverable(failure.reason):
        return GiveUp(failure)
    if record.status is JobStatus.RETRYING and record.next_attempt_at is not None:
        if record.next_attempt_at <= now or not is_plausible(record.next_attempt_at, now):
            return action
        return Wait(JobStatus.RETRYING, until=record.next_attempt_at, failure=failure)
    if record.attempts + 1 >= MAX_ATTEMPTS or _given_up(record, failure):
        return GiveUp(failure)
    return Wait(JobStatus.RETRYING, until=now + backoff(failure, record.attempts), failure=failure)


def _given_up(record: StackRecord, failure: Failure) -> bool:
    """Tell whether it was for this spec that the job FAILED, not because it could not be seen."""
    return (
        record.status is JobStatus.FAILED
        and record.failure is not None
        and record.failure.digest == failure.digest
    )


def _of_this_digest(wanted: ValidRow, record: StackRecord, observed: StackState) -> Failure | None:
    """Return the stack's failure if it is of the digest that the row has asked for since.

    A row that went elsewhere and came back is asked for anew, so it is tried anew.
    """
    failure = observed.failure
    if failure is None or failure.digest != wanted.digest or record.spec_digest != wanted.digest:
        return None
    return failure


def _remembered(wanted: ValidRow, record: StackRecord) -> Failure | None:
    """Return the failure of a call that CloudFormation refused outright, leaving no stack event."""
    if record.status not in {JobStatus.FAILED, JobStatus.RETRYING} or record.failure is None:
        return None
    return record.failure if record.failure.digest == wanted.digest else None


def _delete_again(record: StackRecord, observed: StackState, now: datetime) -> Action:
    failure = observed.failure or _unexplained(observed, now)
    match record.recoveries:
        case 0 | 1:
            return Delete()
        case 2 if failure.resources:
            return Delete(retain_resources=failure.resources)
        case 2 | 3:
            return Delete(retain_resources=failure.resources, force=True)
        case _:
            return GiveUp(failure)


def _continue_rollback(record: StackRecord, observed: StackState, now: datetime) -> Action:
    failure = observed.failure or _unexplained(observed, now)
    match record.recoveries:
        case 0:
            return ContinueRollback()
        case 1 if failure.resources:
            return ContinueRollback(resources_to_skip=failure.resources)
        case 1 | 2:
            return ContinueRollback(resources_to_skip=failure.resources, force=True)
        case _:
            return GiveUp(failure)


def backoff(failure: Failure, attempts: int) -> timedelta:
    """Return the delay before the next attempt: exponential with full jitter, at least a second.

    The jitter comes from the failed digest, so the same history always gives the same delay.
    """
    ceiling: timedelta = min(_FIRST_BACKOFF * 2**attempts, _LONGEST_BACKOFF)
    seed = hashlib.sha256(f"{failure.digest}/{attempts}".encode()).digest()
    share = int.from_bytes(seed[:4]) / 0x1_0000_0000
    return max(ceiling * share, timedelta(seconds=1))


def _foreign(observed: StackState, now: datetime) -> Failure:
    whose = f"belongs to the provisioner {observed.owner}" if observed.owner else "is not ours"
    return Failure(
        reason=f"A stack of this name exists and {whose}: {observed.stack_id}. "
        "Rename the job, or remove that stack.",
        at=now,
    )


def _unexplained(observed: StackState, now: datetime) -> Failure:
    return Failure(
        reason=f"The stack is in {observed.status} and its events give no reason.",
        at=now,
        digest=observed.digest,
    )


_IN_PROGRESS_AS = {
    StackStatus.CREATE_IN_PROGRESS: JobStatus.CREATING,
    StackStatus.ROLLBACK_IN_PROGRESS: JobStatus.CREATING,
    StackStatus.DELETE_IN_PROGRESS: JobStatus.DELETING,
    StackStatus.UPDATE_IN_PROGRESS: JobStatus.UPDATING,
    StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: JobStatus.UPDATING,
    StackStatus.UPDATE_ROLLBACK_IN_PROGRESS: JobStatus.UPDATING,
    StackStatus.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: JobStatus.UPDATING,
    StackStatus.IMPORT_IN_PROGRESS: JobStatus.CREATING,
    StackStatus.IMPORT_ROLLBACK_IN_PROGRESS: JobStatus.CREATING,
}
