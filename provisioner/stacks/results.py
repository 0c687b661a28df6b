"""How a reconcile ends: the job is queued again if need be, and its Stacks row is written.

Always in this order, and nowhere else; `Reconciler.reconcile` says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from provisioner.errors import (
    ConflictError,
    PermanentError,
    ProvisionerError,
    StackLimitError,
    TemporaryError,
    ThrottledError,
)
from provisioner.stacks.actions import (
    Delete,
    Desired,
    GiveUp,
    Nothing,
    StackAction,
    StackOperation,
    ValidRow,
)
from provisioner.stacks.model import Failure, JobStatus, StackRecord, StackState
from provisioner.stacks.outcomes import (
    Done,
    Failed,
    OperationOutcome,
    RateLimited,
    Reconciled,
    Refused,
)
from provisioner.stacks.quotas import last_observed
from provisioner.stacks.rate_limits import LONGEST_WAIT, Permit, Quota, Reservation
from provisioner.stacks.record import (
    after,
    after_error,
    rate_limited,
    with_deletion_policy,
    with_retained_resources,
)

if TYPE_CHECKING:
    import random

    from provisioner.stacks.ports import Ports

_LONGEST_WAIT_SECONDS = int(LONGEST_WAIT.total_seconds())


@dataclass(frozen=True, slots=True)
class Subject:
    """What one reconcile is about.

    `stored` is the Stacks row as it was read, and `record` as this reconcile takes it: failures may
    be reset, dependencies updated. `reset_failures` tells whether a person asked for that,
    `check_code` whether only other code is a reason to ask CloudFormation.
    """

    stored: StackRecord
    record: StackRecord
    desired: Desired
    row_digest: str | None
    now: datetime
    reset_failures: bool
    check_code: bool

    @property
    def job_name(self) -> str:
        """The job's name."""
        return self.stored.job_name

    @property
    def runs_what_it_should(self) -> bool:
        """Whether the job is READY with the very spec that its row and its code ask for now."""
        record, desired = self.record, self.desired
        is_ready = record.status is JobStatus.READY and record.in_sync
        return is_ready and isinstance(desired, ValidRow) and desired.digest == record.spec_digest

    @property
    def is_unknown(self) -> bool:
        """Whether there is neither a row nor a Stacks row: an event about nothing of ours."""
        return not self.stored.version and self.desired is None


class Results:
    """Ends reconciles."""

    def __init__(self, ports: Ports, chance: random.Random) -> None:
        self._ports = ports
        self._chance = chance

    def save(
        self,
        subject: Subject,
        action: StackAction,
        outcome: OperationOutcome,
        observed: StackState | None,
        *,
        requeue_after: timedelta | None = None,
    ) -> Reconciled:
        """Record what came of an action, and have the job reconciled again if it needs that."""
        before, now = subject.record, subject.now
        fresh = after(before, subject.desired, observed, action, outcome, now)
        fresh = replace(fresh, row_digest=subject.row_digest)
        due = fresh.next_attempt_at if fresh.status is JobStatus.RETRYING else None
        result = Reconciled(action, outcome, fresh, due - now if due else requeue_after)
        never_was = not before.version and fresh.status is JobStatus.DELETED
        # A person who asked waits for the answer, though it may be the same as before.
        if (fresh == subject.stored and not subject.reset_failures) or never_was:
            return result
        # The message for an attempt was sent when its time was set.
        is_queued = due is not None and due == before.next_attempt_at
        if result.requeue_after is None or is_queued:
            self._ports.stacks.save(fresh)
            return result
        self._requeue(subject, result.requeue_after)
        return self._save_queued(result)

    def save_unobserved(self, subject: Subject) -> Reconciled:
        """Record what is new of row and code, of a job whose stack is taken for what it was."""
        record = subject.record
        known = last_observed(record)
        if known is not None:
            known = replace(known, drift=record.drift, left_behind=record.retained_resources)
        return self.save(subject, Nothing(record.status), Done(), known)

    def record_begun(
        self,
        subject: Subject,
        operation: StackOperation,
        outcome: OperationOutcome,
        observed: StackState | None,
    ) -> Reconciled:
        """Record an operation, over the reservation that another reconcile made in between.

        An operation that fails at once has its event reconciled before it is recorded. All that
        this can do is to wait for a rate limiter; if its record stayed, the operation would never
        be counted.
        """
        try:
            return self.save(subject, operation, outcome, observed)
        except ConflictError:
            found = self._ports.stacks.get_many([subject.job_name]).get(subject.job_name)
            if found is None or found.reservation is None:
                raise
            subject = replace(subject, stored=found, record=found)
            return self.save(subject, operation, outcome, observed)

    def record_permanent_error(self, subject: Subject, error: PermanentError) -> Reconciled:
        """Record why a job could not be reconciled, because a permission is missing for example."""
        failure = Failure(str(error), at=subject.now)
        fresh = after_error(subject.record, subject.desired, failure.reason, subject.now)
        if fresh != subject.stored or subject.reset_failures:
            self._ports.stacks.save(fresh)
        return Reconciled(GiveUp(failure), Refused(failure), fresh)

    def record_retained_resources(self, subject: Subject, operation: StackOperation) -> Subject:
        """Record what a deletion is going to leave behind: once it is over nothing could tell."""
        if not isinstance(operation, Delete):
            return subject
        fresh = with_retained_resources(subject.record, operation.retain_resources)
        if fresh == subject.record:
            return subject
        self._ports.stacks.save(fresh)
        saved = replace(fresh, version=fresh.version + 1)
        return replace(subject, stored=saved, record=saved)

    # Rate limits

    def admit(self, subject: Subject, quota: Quota) -> Reconciled | None:
        """Return None when the job may continue, or else the result of having to wait."""
        held = subject.record.reservation
        if held is None or held.quota is not quota:
            permit = self._ports.rate_limiter.reserve(quota, has_reservation=False)
        elif held.is_ahead(subject.now):
            return self._wait(subject, held)
        else:
            due = held.is_valid(subject.now)
            permit = self._ports.rate_limiter.reserve(quota, has_reservation=due)
        if permit.granted and quota is Quota.DESCRIBE:
            permit = self._ports.rate_limiter.acquire(quota)
        return None if permit.granted else self.requeue_and_save(subject, quota, permit)

    def requeue_and_save(self, subject: Subject, quota: Quota, permit: Permit) -> Reconciled:
        """Have the job reconciled at the time of its permit."""
        delay_seconds = max(1, math.ceil((permit.at - subject.now).total_seconds()))
        if not permit.kept:  # jobs without a reservation must not all come back at once
            earliest = min(delay_seconds, _LONGEST_WAIT_SECONDS // 2)
            delay_seconds = self._chance.randint(earliest, _LONGEST_WAIT_SECONDS)
        delay = timedelta(seconds=delay_seconds)
        permit = replace(permit, at=subject.now + delay)
        fresh = rate_limited(subject.record, subject.desired, quota, permit, subject.now)
        self._requeue(subject, delay, retry=subject.reset_failures)
        result = Reconciled(None, RateLimited(quota, permit.at), fresh, delay)
        return result if subject.is_unknown else self._save_queued(result)

    def requeue_throttled(
        self, subject: Subject, quota: Quota, error: TemporaryError
    ) -> Reconciled:
        """Have the job reconciled again whose call CloudFormation did not accept."""
        if isinstance(error, StackLimitError):
            until = self._ports.rate_limiter.suspend(quota, str(error))
            return self.requeue_and_save(subject, quota, Permit(until, reason=str(error)))
        if isinstance(error, ThrottledError):
            self._ports.rate_limiter.back_off(quota)
        at = subject.now + timedelta(seconds=self._chance.randint(2, 20))
        return self.requeue_and_save(subject, quota, Permit(at, kept=True, reason=str(error)))

    def _wait(self, subject: Subject, held: Reservation) -> Reconciled:
        """Do nothing but remember: the message was sent when the reservation was made."""
        fresh = with_deletion_policy(subject.record, subject.desired)
        if fresh != subject.stored and not subject.is_unknown:
            self._ports.stacks.save(fresh)
        return Reconciled(None, RateLimited(held.quota, held.at), fresh, held.at - subject.now)

    # Message first, record second

    def _requeue(self, subject: Subject, delay: timedelta, *, retry: bool = False) -> None:
        delay_seconds = math.ceil(delay.total_seconds())
        self._ports.queue.send(subject.job_name, delay_seconds=delay_seconds, retry=retry)

    def _save_queued(self, result: Reconciled) -> Reconciled:
        """Write the row of a job for which a message is on its way, and which needs no other."""
        try:
            self._ports.stacks.save(result.record)
        except ProvisionerError as error:
            return replace(result, outcome=Failed(error))
        return result
