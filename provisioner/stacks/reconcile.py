"""Where pure meets I/O: one look at one job, and the one thing to do about it."""

from __future__ import annotations

import math
import random
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.errors import (
    ConflictError,
    PermanentError,
    ProvisionerError,
    QueuedError,
    StackLimitError,
    TemporaryError,
    ThrottledError,
)
from provisioner.jobs import InvalidRow, Job, guarded
from provisioner.stacks.actions import (
    Action,
    Delete,
    Desired,
    GiveUp,
    Hold,
    Operation,
    ValidRow,
    Wait,
)
from provisioner.stacks.cycles import without_cycle
from provisioner.stacks.model import (
    Deletion,
    Failure,
    JobStatus,
    StackRecord,
    StackState,
)
from provisioner.stacks.operations import Operations
from provisioner.stacks.plan import counts_as_deletion, decide
from provisioner.stacks.quotas import needed, quota_of
from provisioner.stacks.rate_limits import LONGEST_WAIT, Permit, Quota
from provisioner.stacks.record import (
    Done,
    Outcome,
    RateLimited,
    Refused,
    after,
    after_error,
    confirm_deletion,
    rate_limited,
    reset_failures,
    with_deletion_policy,
    with_retained_resources,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from provisioner.settings import Platform
    from provisioner.stacks.ports import Ports

JOB_SECONDS = 5.0
"""Of processor time for one job of a batch; templates of the largest rows take a tenth of that."""

_STOPPING_SECONDS = 60
"""A container has 30 seconds to end (ECS's stopTimeout), and its network interface needs some."""

_LOOKS = 3
"""Times that a job is looked at again at once, when somebody else acted meanwhile."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look at a job came to, for the log; no action when it has to wait for its turn."""

    action: Action | None
    outcome: Outcome | RateLimited
    record: StackRecord


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look is about: the Stacks row as it is stored, and as the look takes it."""

    stored: StackRecord
    record: StackRecord
    desired: Desired
    row_digest: str | None
    now: datetime
    forgive: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a person has asked of a look."""

    forgive: bool
    confirm: bool

    def record(self, stored: StackRecord) -> StackRecord:
        record = reset_failures(stored) if self.forgive else stored
        return confirm_deletion(record) if self.confirm else record


class Reconciler:
    """Brings the stack of a job one step nearer to its row."""

    def __init__(
        self,
        ports: Ports,
        platform: Platform,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ports = ports
        self._prefix = platform.prefix
        self._allowed = platform.allowed
        self._operations = Operations(ports.cloudformation, ports.synthesize, platform)
        self._clock = clock

    def reconcile(
        self,
        job_names: Iterable[str],
        *,
        retry: Collection[str] = (),
        confirmed: Collection[str] = (),
    ) -> Iterator[tuple[str, Reconciled | Exception]]:
        """Look at each job once and act once; an error of one touches no other.

        Parameters
        ----------
        job_names
            The jobs to look at.
        retry
            Those of them whose failures are to be forgotten, because a person asked for it.
        confirmed
            Those of them whose stacks a person lets go, though too many rows went at once.

        Yields
        ------
        tuple
            The job's name, and what the look came to. An error means that the job must be looked
            at again later: nothing is known to have gone wrong for good. For a QueuedError that is
            seen to.
        """
        for some in guarded.few(job_names):
            rows = self._ports.jobs.get_many(some)
            records = self._ports.stacks.get_many(some)
            for name in some:
                asked = _Asked(forgive=name in retry, confirm=name in confirmed)
                yield name, self._guarded(name, rows.get(name), records.get(name), asked)

    def _guarded(
        self,
        name: str,
        row: Mapping[str, object] | None,
        record: StackRecord | None,
        asked: _Asked,
    ) -> Reconciled | Exception:
        try:
            with guarded.processor_time(JOB_SECONDS):
                return self._settle(name, row, record, asked)
        except Exception as error:  # noqa: BLE001  (whatever one job does, its neighbours go on)
            return error

    def _settle(
        self,
        name: str,
        row: Mapping[str, object] | None,
        record: StackRecord | None,
        asked: _Asked,
    ) -> Reconciled:
        for _ in range(_LOOKS - 1):
            try:
                return self._look(name, row, record, asked)
            except ConflictError:
                row = self._ports.jobs.get_many([name]).get(name)
                record = self._ports.stacks.get_many([name]).get(name)
        return self._look(name, row, record, asked)

    def _look(
        self,
        name: str,
        row: Mapping[str, object] | None,
        record: StackRecord | None,
        asked: _Asked,
    ) -> Reconciled:
        now = self._clock()
        stack_name = jobs.stack_name(self._prefix, name)
        stored = record or StackRecord(name, stack_name=stack_name)
        record = asked.record(stored)
        parsed = None if row is None else guarded.parse(row, self._allowed)
        digest = guarded.row_digest(row, parsed) if row is not None and parsed else None
        look = _Look(stored, record, _as_written(parsed), digest, now, asked.forgive)
        try:
            look = self._chained(look)
            record = look.record
            look = replace(look, desired=self._pinned(look.desired))
            quota = needed(look.desired, record, now)
            if quota and (ahead := self._stand_in_line(look, quota)):
                return ahead
            observed = self._observe(name, stack_name) if quota else None
        except PermanentError as error:
            return self._unseen(look, error)
        action = decide(look.desired, record, observed, now)
        if isinstance(action, Operation):
            return self._operate(look, action, observed, stood_for=quota)
        return self._keep(look, action, Done(), observed)

    def _chained(self, look: _Look) -> _Look:
        """Have the job run after those that its row names, and after no others any more.

        The record remembers them: it is what tells which are to be undone.
        """
        wanted: tuple[str, ...] = ()
        match look.desired:
            case InvalidRow():
                return look
            case ValidRow(job) if job.depends_on:
                found = without_cycle(job, self._ports.jobs)
                if isinstance(found, InvalidRow):
                    return replace(look, desired=found)
                wanted = job.depends_on
            case _:
                pass
        before = look.record.depends_on
        if wanted == before:
            return look
        self._ports.dependants.change(look.record.job_name, before=before, after=wanted)
        return replace(look, record=replace(look.record, depends_on=wanted))

    def _stand_in_line(self, look: _Look, quota: Quota) -> Reconciled | None:
        """Return None when the job may go on, else what it waits for."""
        held = look.record.reservation
        if held is None or held.quota is not quota:
            permit = self._ports.rate_limiter.reserve(quota, has_reservation=False)
        elif held.is_ahead(look.now):
            # The message that will wake it was sent when it got its permit.
            fresh = with_deletion_policy(look.record, look.desired)
            return self._wait(look, fresh, RateLimited(quota, held.at))
        else:
            permit = self._ports.rate_limiter.reserve(
                quota, has_reservation=held.is_valid(look.now)
            )
        if permit.granted and quota is Quota.DESCRIBE:
            permit = self._ports.rate_limiter.acquire(quota)
        return None if permit.granted else self._wake_and_wait(look, quota, permit)

    def _wake_and_wait(self, look: _Look, quota: Quota, permit: Permit) -> Reconciled:
        """Have the job looked at again when its turn comes.

        The message goes first: a permit without one would be a job that nobody wakes.
        """
        delay_seconds = max(1, math.ceil((permit.at - look.now).total_seconds()))
        if not permit.kept:  # whoever has no permit must not come when all the others come
            longest = int(LONGEST_WAIT.total_seconds())
            delay_seconds = random.randint(min(delay_seconds, longest // 2), longest)  # noqa: S311
        self._ports.queue.send(
            look.record.job_name, delay_seconds=delay_seconds, retry=look.forgive
        )
        permit = replace(permit, at=look.now + timedelta(seconds=delay_seconds))
        fresh = rate_limited(look.record, look.desired, quota, permit, look.now)
        with _queued():
            return self._wait(look, fresh, RateLimited(quota, permit.at))

    def _wait(self, look: _Look, fresh: StackRecord, until: RateLimited) -> Reconciled:
        never_was = not look.stored.version and look.desired is None
        if fresh != look.stored and not never_was:
            self._ports.stacks.save(fresh)
        return Reconciled(None, until, fresh)

    def _operate(
        self,
        look: _Look,
        operation: Operation,
        observed: StackState | None,
        *,
        stood_for: Quota | None,
    ) -> Reconciled:
        quota = quota_of(operation)
        if quota is not stood_for and (ahead := self._stand_in_line(look, quota)):
            return ahead
        if observed and counts_as_deletion(operation, look.desired, observed):
            if self._is_held(look):
                return self._keep(look, Hold(), Done(), observed)
            try:
                if self._were_stopped(look):
                    return self._keep(look, Wait(JobStatus.DELETING), Done(), observed)
            except PermanentError as error:
                return self._unseen(look, error)
        permit = self._ports.rate_limiter.acquire(quota)
        if not permit.granted:
            return self._wake_and_wait(look, quota, permit)
        look = self._foretell(look, operation)
        try:
            outcome = self._operations.start(operation, look.record, observed, look.now)
        except ConflictError:
            raise
        except TemporaryError as error:
            return self._wake_and_wait(look, quota, self._turned_away(quota, error, look.now))
        return self._record_begun(look, operation, outcome, observed)

    def _record_begun(
        self, look: _Look, operation: Operation, outcome: Outcome, observed: StackState | None
    ) -> Reconciled:
        """Record an operation, over the permit in line that another look was given meanwhile.

        An operation that fails at once has its event looked at before it is recorded. That look
        can only wait for its turn; did its record stand, nobody would ever count the operation.
        """
        try:
            return self._keep(look, operation, outcome, observed)
        except ConflictError:
            found = self._ports.stacks.get_many([look.record.job_name]).get(look.record.job_name)
            if found is None or found.reservation is None:
                raise
            look = replace(look, stored=found, record=found)
            return self._keep(look, operation, outcome, observed)

    def _were_stopped(self, look: _Look) -> bool:
        """Stop what runs of a job whose stack is to go; True when that needs some time.

        A container that runs holds its security group, which then would not go. What has started
        since the first time is stopped, too, but not waited for: there may always be some.
        """
        stopped = self._ports.runs.stop_running(look.record.job_name, "Its job's row was removed")
        if not stopped or look.record.status is JobStatus.DELETING:
            return False
        self._ports.queue.send(look.record.job_name, delay_seconds=_STOPPING_SECONDS)
        return True

    def _is_held(self, look: _Look) -> bool:
        """Tell whether so many rows went at once that this stack must not go, too."""
        if look.record.deletion is Deletion.CONFIRMED:
            return False
        return not self._ports.deletion_budget.spend(look.record.job_name)

    def _foretell(self, look: _Look, operation: Operation) -> _Look:
        """Write down what a deletion is going to leave behind: once it is over nobody could."""
        if not isinstance(operation, Delete):
            return look
        fresh = with_retained_resources(look.record, operation.retain_resources)
        if fresh == look.record:
            return look
        self._ports.stacks.save(fresh)
        saved = replace(fresh, version=fresh.version + 1)
        return replace(look, stored=saved, record=saved)

    def _turned_away(self, quota: Quota, error: TemporaryError, now: datetime) -> Permit:
        """Return when a call may be made again that CloudFormation did not take."""
        if isinstance(error, StackLimitError):
            return Permit(self._ports.rate_limiter.suspend(quota, str(error)), reason=str(error))
        if isinstance(error, ThrottledError):
            self._ports.rate_limiter.back_off(quota)
        delay = timedelta(seconds=random.randint(2, 20))  # noqa: S311
        return Permit(now + delay, kept=True, reason=str(error))

    def _unseen(self, look: _Look, error: PermanentError) -> Reconciled:
        failure = Failure(str(error), at=look.now)
        fresh = after_error(look.record, look.desired, failure.reason, look.now)
        if fresh != look.stored or look.forgive:
            self._ports.stacks.save(fresh)
        return Reconciled(GiveUp(failure), Refused(failure), fresh)

    def _observe(self, name: str, stack_name: str) -> StackState | None:
        if jobs.job_name_of(self._prefix, stack_name) != name:
            return None  # no job can have this name, so no stack can
        return self._ports.cloudformation.describe(stack_name)

    def _pinned(self, desired: Desired) -> Desired:
        if not isinstance(desired, ValidRow) or desired.job.paused:
            return desired
        job = self._ports.pin(desired.job)
        return job if isinstance(job, InvalidRow) else ValidRow(job, jobs.spec_digest(job))

    def _keep(
        self, look: _Look, action: Action, outcome: Outcome, observed: StackState | None
    ) -> Reconciled:
        before, now = look.record, look.now
        fresh = after(before, look.desired, observed, action, outcome, now)
        fresh = replace(fresh, row_digest=look.row_digest)
        never_was = not before.version and fresh.status is JobStatus.DELETED
        # A person who asked waits for the answer, though it may be the same as before.
        if (fresh == look.stored and not look.forgive) or never_was:
            return Reconciled(action, outcome, fresh)
        if fresh.next_attempt_at and fresh.next_attempt_at != before.next_attempt_at:
            delay_seconds = math.ceil((fresh.next_attempt_at - now).total_seconds())
            self._ports.queue.send(before.job_name, delay_seconds=delay_seconds)
            with _queued():
                self._ports.stacks.save(fresh)
        else:
            self._ports.stacks.save(fresh)
        return Reconciled(action, outcome, fresh)


@contextmanager
def _queued() -> Iterator[None]:
    """Turn what fails after a message was sent into an error that asks for no other message."""
    try:
        yield
    except ProvisionerError as error:
        raise QueuedError(str(error)) from error


def _as_written(parsed: Job | InvalidRow | None) -> Desired:
    if parsed is None or isinstance(parsed, InvalidRow):
        return parsed
    return ValidRow(parsed, jobs.spec_digest(parsed))
