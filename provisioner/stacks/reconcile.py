"""Where pure meets I/O: reconcile a job, which is to decide on one action and to take it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.errors import (
    AlreadyStartedError,
    ConflictError,
    PermanentError,
    TemporaryError,
)
from provisioner.jobs import InvalidRow, Job, guarded
from provisioner.jobs.row_content import content_digest
from provisioner.jobs.row_summary import summary_of
from provisioner.jobs.unbuilt import Unbuilt
from provisioner.stacks import plan
from provisioner.stacks.actions import (
    Desired,
    GiveUp,
    Hold,
    Nothing,
    StackAction,
    StackOperation,
    ValidRow,
    Wait,
)
from provisioner.stacks.building import Building
from provisioner.stacks.builds import failure_of, found, may_build, waiting_status
from provisioner.stacks.cycles import without_cycle
from provisioner.stacks.model import Deletion, JobStatus, StackRecord, StackState
from provisioner.stacks.operations import Operations
from provisioner.stacks.outcomes import Done, Failed, Reconciled
from provisioner.stacks.plan import counts_as_deletion
from provisioner.stacks.quotas import last_observed, needed, quota_of
from provisioner.stacks.rate_limits import Quota
from provisioner.stacks.record import confirm_deletion, reset_failures
from provisioner.stacks.results import Results, Subject

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from provisioner.settings import Platform
    from provisioner.stacks.plan import Decide
    from provisioner.stacks.ports import Ports

JOB_SECONDS = 5.0
"""Of processor time for one job of a batch; templates of the largest rows take a tenth of that."""

_STOPPING = timedelta(seconds=60)
"""A container has 30 seconds to end (ECS's stopTimeout), and its network interface needs some."""

_TRIES = 3
"""Times that a job is reconciled at once, when another function acts at the same time."""


@dataclass(frozen=True, slots=True)
class _Options:
    """What a person has asked of a reconcile."""

    reset_failures: bool
    confirm_deletion: bool
    check_code: bool

    def record(self, stored: StackRecord) -> StackRecord:
        record = reset_failures(stored) if self.reset_failures else stored
        return confirm_deletion(record) if self.confirm_deletion else record


class Reconciler:
    """Brings the stack of a job one step nearer to its row."""

    def __init__(
        self,
        ports: Ports,
        platform: Platform,
        clock: Callable[[], datetime],
        chance: random.Random,
        decide: Decide = plan.decide,
    ) -> None:
        self._ports = ports
        self._prefix = platform.prefix
        self._allowed = platform.allowed
        self._operations = Operations(ports.cloudformation, ports.synthesize, platform)
        self._results = Results(ports, chance)
        self._building = Building(ports.builds, chance)
        self._clock = clock
        self._decide = decide

    def reconcile(
        self,
        job_names: Iterable[str],
        *,
        retry: Collection[str] = (),
        confirmed: Collection[str] = (),
        check_code: Collection[str] = (),
    ) -> Iterator[tuple[str, Reconciled]]:
        """Reconcile each job once: at most one operation each; an error of one touches no other.

        The result says how the job comes to be reconciled again:

        - `requeue_after` is set: the reconciler has seen to it. A message for that time is on its
          way, sent by this reconcile or by an earlier one, so the caller sends none. That is so for
          a job that waits for a rate limiter (RateLimited), for the next attempt at an operation
          (RETRYING), or for its runs to end before its stack is deleted.
        - The outcome is Failed without it (`Reconciled.to_requeue`): the caller sees to it. It
          sends a message, or leaves the one that it was given in the queue.
        - Anything else: by an event, the end of an operation or a change of the row.

        The message is sent first, and then the Stacks row is written. If the function ends between
        the two, the job is reconciled once more than needed; the other way round a row would say
        that the job waits, and nothing would ever wake it. So a write that fails after the message
        is Failed with `requeue_after`: with another message they would double at each failure.

        A ConflictError, of a function that acted at the same time, is not an outcome at first: the
        row is read again and the job reconciled again at once, three times in all.

        Parameters
        ----------
        job_names
            The jobs to reconcile.
        retry
            Those of them whose failures are reset first, because a person asked for it.
        confirmed
            Those of them whose stacks a person lets go, although many rows were removed at once.
        check_code
            Those of them for whose sake CloudFormation is asked nothing if they are READY and run
            what they should: code may have been pushed, and nothing else has happened.

        Yields
        ------
        tuple
            The job's name, and its result.
        """
        for some in guarded.few(job_names):
            rows = self._ports.jobs.get_many(some)
            records = self._ports.stacks.get_many(some)
            for name in some:
                options = _Options(name in retry, name in confirmed, name in check_code)
                yield name, self._guarded(name, rows.get(name), records.get(name), options)

    def _guarded(
        self,
        name: str,
        row: Mapping[str, object] | None,
        record: StackRecord | None,
        options: _Options,
    ) -> Reconciled:
        try:
            with guarded.processor_time(JOB_SECONDS):
                return self._reconcile_with_retries(name, row, record, options)
        except Exception as error:  # noqa: BLE001  (whatever one job does, its neighbours continue)
            return Reconciled(None, Failed(error), record or StackRecord(name))

    def _reconcile_with_retries(
        self,
        name: str,
        row: Mapping[str, object] | None,
        record: StackRecord | None,
        options: _Options,
    ) -> Reconciled:
        for _ in range(_TRIES - 1):
            try:
                return self._reconcile(self._subject(name, row, record, options))
            except ConflictError:
                row = self._ports.jobs.get_many([name]).get(name)
                record = self._ports.stacks.get_many([name]).get(name)
        return self._reconcile(self._subject(name, row, record, options))

    def _subject(
        self,
        name: str,
        row: Mapping[str, object] | None,
        record: StackRecord | None,
        options: _Options,
    ) -> Subject:
        stored = record or StackRecord(name, stack_name=jobs.stack_name(self._prefix, name))
        parsed = None if row is None else guarded.parse(row, self._allowed)
        summary = None if row is None or parsed is None else summary_of(row, parsed)
        return Subject(
            stored=stored,
            record=replace(options.record(stored), row=summary),
            desired=self._as_written(row, parsed),
            row_digest=guarded.row_digest(row, parsed) if row is not None and parsed else None,
            now=self._clock(),
            reset_failures=options.reset_failures,
            check_code=options.check_code,
        )

    def _reconcile(self, subject: Subject) -> Reconciled:
        try:
            subject = self._update_artifacts(self._update_dependencies(subject))
            subject, wanted = self._pinned(subject)
            if wanted is not None:
                return self._reconcile_unbuilt(subject, wanted)
            if subject.check_code and subject.runs_what_it_should:
                return self._results.save_unobserved(subject)
            quota = needed(subject.desired, subject.record, subject.now, self._decide)
            if quota and (waiting := self._results.admit(subject, quota)):
                return waiting
            observed = self._observe(subject.job_name) if quota else None
        except PermanentError as error:
            return self._results.record_permanent_error(subject, error)
        return self._decided(subject, observed, quota)

    def _decided(
        self, subject: Subject, observed: StackState | None, quota: Quota | None
    ) -> Reconciled:
        action = self._decide(subject.desired, subject.record, observed, subject.now)
        if isinstance(action, StackOperation):
            return self._operate(subject, action, observed, admitted_to=quota)
        return self._rest(subject, action, observed)

    def _reconcile_unbuilt(self, subject: Subject, wanted: Unbuilt) -> Reconciled:
        """Have code built; before that, have the stack made that the build needs.

        What runs stays as it is until there is a result.
        """
        known = may_build(wanted.job, last_observed(subject.record))
        quota = needed(subject.desired, subject.record, subject.now, self._decide)
        quota = Quota.DESCRIBE if known or quota is None else quota
        if waiting := self._results.admit(subject, quota):
            return waiting
        observed = self._observe(subject.job_name)
        if may_build(wanted.job, observed):
            return self._build(subject, wanted, observed)
        return self._decided(subject, observed, quota)

    def _build(self, subject: Subject, wanted: Unbuilt, observed: StackState | None) -> Reconciled:
        try:
            record, due = self._building.advance(subject.record, wanted, subject.now)
        except PermanentError as error:
            return self._results.record_permanent_error(subject, error)
        desired = subject.desired
        if isinstance(desired, ValidRow):  # the digest of no stack: none is what the row asks for
            desired = replace(desired, digest=wanted.digest)
        failure = failure_of(record.build) if record.build else None
        action = GiveUp(failure) if failure else Wait(waiting_status(observed, record))
        subject = replace(subject, record=record, desired=desired)
        return self._results.save(subject, action, Done(), observed, requeue_after=due)

    def _rest(
        self, subject: Subject, action: StackAction, observed: StackState | None
    ) -> Reconciled:
        """Save that nothing is started.

        A later job of a deleted one's name is not paused, nor is one whose row comes back before
        the deletion has ended: so a pause ends when the deletion begins, and again at its end, for
        runs that fail in between.
        """
        is_deleted = action == Nothing(JobStatus.DELETED)
        if is_deleted and subject.record.status is not JobStatus.DELETED:
            try:
                self._ports.pauses.end_pause(subject.job_name, subject.now)
            except PermanentError as error:
                return self._results.record_permanent_error(subject, error)
        return self._results.save(subject, action, Done(), observed)

    def _update_dependencies(self, subject: Subject) -> Subject:
        """Have the job run after those that its row names, and no longer after any others.

        The Stacks row remembers them, which tells later which are to be undone.
        """
        wanted: tuple[str, ...] = ()
        match subject.desired:
            case InvalidRow():
                return subject
            case ValidRow(job) if job.depends_on:
                found = without_cycle(job, self._ports.jobs)
                if isinstance(found, InvalidRow):
                    return replace(subject, desired=found)
                wanted = job.depends_on
            case _:
                pass
        before = subject.record.depends_on
        if wanted == before:
            return subject
        self._ports.dependants.change(subject.job_name, before=before, after=wanted)
        return replace(subject, record=replace(subject.record, depends_on=wanted))

    def _update_artifacts(self, subject: Subject) -> Subject:
        """Have the job reconciled when an artifact is pushed that its row names, and no other.

        An artifact is in the index before it is looked up, so that no push falls between the two,
        and before the Stacks row says so. It leaves the index one reconcile after the Stacks row
        calls it a former one: wherever a function ends, none is missing that the Stacks row names.
        """
        match subject.desired:
            case InvalidRow():
                return subject
            case ValidRow(job):
                wanted = jobs.tracked_artifacts(job)
            case None:
                wanted = ()
        record, index = subject.record, self._ports.artifact_index
        if missing := [each for each in wanted if each not in record.artifacts]:
            index.add(subject.job_name, missing, record.version)
        if gone := [each for each in record.former_artifacts if each not in wanted]:
            index.remove(subject.job_name, gone, record.version)
        former = tuple(each for each in record.artifacts if each not in wanted)
        return replace(subject, record=replace(record, artifacts=wanted, former_artifacts=former))

    def _operate(
        self,
        subject: Subject,
        operation: StackOperation,
        observed: StackState | None,
        *,
        admitted_to: Quota | None,
    ) -> Reconciled:
        quota = quota_of(operation)
        if quota is not admitted_to and (waiting := self._results.admit(subject, quota)):
            return waiting
        if observed and counts_as_deletion(operation, observed):
            if self._is_held(subject):
                return self._results.save(subject, Hold(), Done(), observed)
            try:
                if self._were_stopped(subject):
                    wait = Wait(JobStatus.DELETING)
                    return self._results.save(
                        subject, wait, Done(), observed, requeue_after=_STOPPING
                    )
                self._ports.pauses.end_pause(subject.job_name, subject.now)
            except PermanentError as error:
                return self._results.record_permanent_error(subject, error)
        return self._start(subject, operation, observed, quota)

    def _start(
        self, subject: Subject, operation: StackOperation, observed: StackState | None, quota: Quota
    ) -> Reconciled:
        permit = self._ports.rate_limiter.acquire(quota)
        if not permit.granted:
            return self._results.requeue_and_save(subject, quota, permit)
        subject = self._results.record_retained_resources(subject, operation)
        try:
            outcome = self._operations.start(operation, subject.record, observed, subject.now)
        except AlreadyStartedError:  # by a reconcile that could not record it
            return self._results.save(subject, operation, Done(), observed)
        except ConflictError:
            raise
        except TemporaryError as error:
            return self._results.requeue_throttled(subject, quota, error)
        return self._results.record_begun(subject, operation, outcome, observed)

    def _were_stopped(self, subject: Subject) -> bool:
        """Stop the runs of a job whose stack is to be deleted; True when that needs some time.

        A running container holds its security group, which then cannot be deleted. Runs that have
        started since the first time are stopped too, but not waited for: there may always be some.
        """
        cause = "Its job's row was removed"
        stopped = self._ports.runs.stop_running(subject.job_name, cause)
        return bool(stopped) and subject.record.status is not JobStatus.DELETING

    def _is_held(self, subject: Subject) -> bool:
        """Tell whether so many rows were removed at once that this stack must stay for now."""
        if subject.record.deletion is Deletion.CONFIRMED:
            return False
        return not self._ports.deletion_budget.spend(subject.job_name)

    def _observe(self, job_name: str) -> StackState | None:
        stack_name = jobs.stack_name(self._prefix, job_name)
        if jobs.job_name_of(self._prefix, stack_name) != job_name:
            return None  # no job can have this name, so no stack can
        return self._ports.cloudformation.describe(stack_name)

    def _pinned(self, subject: Subject) -> tuple[Subject, Unbuilt | None]:
        """Look up what the job runs; what is yet to be built comes beside the job as written."""
        desired, now = subject.desired, subject.now
        if desired is None:
            record = self._building.without_overtaken(subject.record, None, now)
            return replace(subject, record=record), None
        if not isinstance(desired, ValidRow) or desired.job.paused:
            return subject, None
        job = self._ports.pin(desired.job)
        if isinstance(job, Unbuilt):
            return subject, job
        if isinstance(job, InvalidRow):
            return replace(subject, desired=job), None
        record = self._building.without_overtaken(subject.record, job.built_as, now)
        record = found(record, job)
        desired = replace(desired, job=job, digest=jobs.spec_digest(job))
        return replace(subject, record=record, desired=desired), None

    def _as_written(
        self, row: Mapping[str, object] | None, parsed: Job | InvalidRow | None
    ) -> Desired:
        if row is None or parsed is None:
            return None
        if isinstance(parsed, InvalidRow):
            return parsed
        digest = jobs.spec_digest(parsed)
        return ValidRow(parsed, digest, self._ports.template_version, digest, content_digest(row))
