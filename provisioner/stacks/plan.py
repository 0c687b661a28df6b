"""What to do next for one job: `decide`, the heart of the provisioner. Pure.

It is given what is wanted, what we last did and what is there, and names one action. It never
knows which event led here: an event that was lost, repeated or late changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

from provisioner.jobs import InvalidRow
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
    StackOperation,
    Update,
    ValidRow,
    Wait,
)
from provisioner.stacks.attempts import Attempts, Exhausted, TryLater, TryNow, Verdict
from provisioner.stacks.model import Deletion, Drift, Failure, JobStatus, StackRecord, StackState
from provisioner.stacks.stack_status import IN_PROGRESS, NEVER_CREATED, SETTLED, StackStatus

if TYPE_CHECKING:
    from datetime import datetime


class Decide(Protocol):
    """How `decide` is called; another one can be handed to the reconciler."""

    def __call__(
        self, desired: Desired, record: StackRecord, observed: StackState | None, now: datetime, /
    ) -> StackAction:
        """Name the one next action for a job."""


def decide(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    """Name the one next action for a job.

    docs/internals/architecture.md shows it as a table, and the tests hold it to that table.

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
    # A deleted stack can still be described by its id, but its name is free.
    if observed is not None and observed.status is StackStatus.DELETE_COMPLETE:
        observed = None
    match desired:
        # First: what a broken row asks for is not known, so whatever runs stays as it is.
        case InvalidRow(errors=errors):
            return MarkInvalid(errors)
        case None:
            return _decide_absent(record, observed, now)
        # Before the stack is considered: a paused row leaves alone even what has failed.
        case ValidRow(job=job) if job.paused:
            return Nothing(JobStatus.PAUSED)
        case ValidRow():
            return _decide_valid(desired, record, observed, now)
        case _:
            assert_never(desired)


def _decide_valid(
    desired: ValidRow, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    attempts = Attempts.of(record, desired.digest)
    # Without a stack only a refused CreateStack can have failed, and only the Stacks row knows.
    if observed is None:
        return _unless_failed(Create(desired), attempts.verdict(None, now))
    # Before ownership: an empty shell of a change set bears no tag, and holds nothing of anyone.
    if observed.status is StackStatus.REVIEW_IN_PROGRESS:
        return Delete()
    # Before every other status: a stack that is not ours is never touched, whatever state it is in.
    if not observed.ours:
        return GiveUp(_foreign(observed, now))
    # CloudFormation runs one operation per stack; the end of this one is an event.
    if observed.status in IN_PROGRESS:
        return Wait(_IN_PROGRESS_AS[observed.status])
    # It can only be deleted; the creation follows when it is gone.
    if observed.status in NEVER_CREATED:
        return _decide_never_created(desired, record, observed, now)
    # Deleting began before the row came back: the stack is no longer whole, so it has to go.
    if observed.status is StackStatus.DELETE_FAILED:
        return _delete_again(attempts.recoveries, observed, now)
    # Neither updates nor a new row are accepted before the rollback has ended.
    if observed.status is StackStatus.UPDATE_ROLLBACK_FAILED:
        return _continue_rollback(attempts.recoveries, observed, now)
    # UPDATE_FAILED comes from an update by hand with rollback disabled; UpdateStack is accepted.
    if observed.status in SETTLED or observed.status is StackStatus.UPDATE_FAILED:
        return _decide_updatable(desired, record, observed, now)
    # IMPORT_ROLLBACK_FAILED is left: no operation of ours is accepted.
    return GiveUp(observed.failure or _unexplained(observed, now))


def _decide_never_created(
    desired: ValidRow, record: StackRecord, observed: StackState, now: datetime
) -> StackAction:
    # Another spec failed, or this one before the row was changed and changed back: begin again.
    if not observed.digest == desired.digest == record.spec_digest:
        return Delete()
    failure = observed.failure or _unexplained(observed, now)
    return _unless_failed(Delete(), Attempts.of(record, desired.digest).verdict(failure, now))


def _decide_updatable(
    desired: ValidRow, record: StackRecord, observed: StackState, now: datetime
) -> StackAction:
    if observed.status in SETTLED:
        # Before the digest: the stack carries what is wanted, and yet not all of it is there.
        if observed.drift and observed.drift.missing:
            return _decide_missing(desired, record, observed.drift)
        # Before failures: however it came to be, the stack is what the row asks for. That other
        # templates made it does not count, unless an upgrade has chosen the job.
        if observed.digest == desired.digest and not _is_to_upgrade(desired, record, observed):
            return Nothing(JobStatus.READY)
    attempts = Attempts.of(record, desired.digest)
    seen = observed.failure
    # Of another digest, or of this one before the row was changed and changed back.
    if seen and not seen.digest == desired.digest == record.spec_digest:
        seen = None
    # Of an earlier upgrade, to other templates.
    if seen and record.upgrade and seen.at < record.upgrade.at:
        seen = None
    return _unless_failed(Update(desired), attempts.verdict(seen, now))


def _is_to_upgrade(desired: ValidRow, record: StackRecord, observed: StackState) -> bool:
    """Tell whether an upgrade to the templates of this release has chosen the job, and waits."""
    mark = record.upgrade
    if mark is None or mark.ended_at is not None or mark.to != desired.template_version:
        return False
    return observed.template_version != mark.to


def _decide_missing(desired: ValidRow, record: StackRecord, drift: Drift) -> StackAction:
    """Make what was deleted by hand again when the row has changed, or a person asks for it."""
    # `provisioner retry` forgets the digest, so it comes here, too.
    if record.spec_digest != desired.digest:
        return Update(desired, drift.missing)
    # Not repaired unasked, because it may have been deleted for a reason. The failure has no
    # digest, because the spec did not fail: once the whole stack is gone it is simply created.
    reason = f'Deleted by hand: {", ".join(drift.missing)}. "provisioner retry" makes it again.'
    return GiveUp(Failure(reason, at=drift.checked_at, resource=drift.missing[0]))


def _decide_absent(record: StackRecord, observed: StackState | None, now: datetime) -> StackAction:
    if observed is None:
        return Nothing(JobStatus.DELETED)
    # Before `retain`: an empty shell holds nothing that could be retained.
    if observed.status is StackStatus.REVIEW_IN_PROGRESS:
        return Delete()
    # To the job's row a stack that is not ours is as good as none.
    if not observed.ours:
        return Nothing(JobStatus.DELETED)
    # Before every operation.
    if _retained(record, observed):
        return Nothing(JobStatus.RETAINED)
    if observed.status in IN_PROGRESS:
        return Wait(_IN_PROGRESS_AS[observed.status])
    # Before the hold: this deletion had begun, and what it has deleted is gone already.
    if observed.status is StackStatus.DELETE_FAILED:
        return _delete_again(record.recoveries, observed, now)
    # Last: DeleteStack is accepted in every status that is left.
    return Hold() if record.deletion is Deletion.HELD else Delete()


def _retained(record: StackRecord, observed: StackState) -> bool:
    """Tell whether the row wanted its stack to outlive it.

    What the Stacks row says is newer, if it is about this stack: a process may have died before it
    recorded the creation.
    """
    if record.retain and record.stack_id in {None, observed.stack_id}:
        return True
    return observed.retain and record.stack_id != observed.stack_id


def counts_as_deletion(operation: StackOperation, observed: StackState) -> bool:
    """Tell whether an operation takes away what worked, as only a row that is gone asks for."""
    has_worked = observed.status not in NEVER_CREATED | {StackStatus.DELETE_FAILED}
    return isinstance(operation, Delete) and has_worked


def _unless_failed(operation: Create | Update | Delete, verdict: Verdict) -> StackAction:
    match verdict:
        case TryNow():
            return operation
        case TryLater(until, failure):
            return Wait(JobStatus.RETRYING, until=until, failure=failure)
        case Exhausted(failure):
            return GiveUp(failure)
        case _:
            assert_never(verdict)


def _delete_again(recoveries: int, observed: StackState, now: datetime) -> StackAction:
    failure = observed.failure or _unexplained(observed, now)
    match recoveries:
        # Twice as it is: most of what kept a resource from going passes by itself.
        case 0 | 1:
            return Delete()
        # Then without the resources that failed: everything else still goes.
        case 2 if failure.resources:
            return Delete(retain_resources=failure.resources)
        # Then by force: CloudFormation itself leaves behind whatever it cannot delete.
        case 2 | 3:
            return Delete(retain_resources=failure.resources, force=True)
        # No step is left that could help.
        case _:
            return GiveUp(failure)


def _continue_rollback(recoveries: int, observed: StackState, now: datetime) -> StackAction:
    failure = observed.failure or _unexplained(observed, now)
    match recoveries:
        # As it is: what it failed over may have passed.
        case 0:
            return ContinueRollback()
        # Then without the resources that failed, of which the template then says more than is so.
        case 1 if failure.resources:
            return ContinueRollback(resources_to_skip=failure.resources)
        # Then by force: CloudFormation itself skips whatever fails.
        case 1 | 2:
            return ContinueRollback(resources_to_skip=failure.resources, force=True)
        # No step is left that could help.
        case _:
            return GiveUp(failure)


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
