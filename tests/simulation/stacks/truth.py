"""What must never happen, and what must have come of it all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from provisioner.errors import StackLimitError
from provisioner.jobs import InvalidRow, Job, tracked_artifacts
from provisioner.jobs.unbuilt import Unbuilt, kind_of_build
from provisioner.stacks.attempts import MAX_ATTEMPTS
from provisioner.stacks.deployments import pinned_of
from provisioner.stacks.failure_causes import is_recoverable
from provisioner.stacks.model import Deletion, JobStatus, StackRecord, StackState
from provisioner.stacks.rate_limits import SUSPENDED_FOR
from provisioner.stacks.request_tokens import REBUILDING
from provisioner.stacks.stack_status import IN_PROGRESS, NEVER_CREATED, SETTLED, StackStatus
from tests.simulation.faults import Broken
from tests.simulation.stacks.code import Desired
from tests.simulation.stacks.deployments import check_ready, check_saved
from tests.simulation.stacks.operations import Asked
from tests.simulation.stacks.stacks import Spec, Stack, job_of
from tests.simulation.stacks.tables import Row
from tests.simulation.stacks.wiring import MEMORY

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.errors import ProvisionerError
    from tests.simulation.stacks.world import World

S = StackStatus

MOST_OPERATIONS = 2 * MAX_ATTEMPTS + 4 + 3 + 1
"""For one change: five attempts, each a deletion and a creation; a stubborn deletion's four steps,
a stubborn rollback's three, and an update."""

_OTHERS_MAY_ACT_ON = NEVER_CREATED | {S.DELETE_FAILED}

_AT_PEACE = {JobStatus.PAUSED, JobStatus.RETAINED}


class Truth:
    """The invariants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._operations: Counter[str] = Counter()
        self._refused_for_room: dict[str, datetime] = {}
        self.policies: dict[str, str] = {}

    def retained(self) -> frozenset[str]:
        """Return the jobs whose stack stays when their row goes."""
        return frozenset(name for name, policy in self.policies.items() if policy == "retain")

    # After every step

    def changed(self, job_name: str | None = None) -> None:
        """Grant operations anew: to a job that changed, or to all when the weather did."""
        if job_name is None:
            self._operations.clear()
        else:
            del self._operations[job_name]

    def asked(self, asked: Asked, stack: Stack | None) -> None:
        """Check an operation before it is accepted or not."""
        world = self._world
        invocation = world.calls.invocation
        require(asked.name in invocation.seen, f"{asked} without a look at the stack")
        seen = invocation.seen[asked.name]
        require(seen is None or seen.status not in IN_PROGRESS, f"{asked} of a stack in {seen}")
        if stack and not stack.is_ours and asked.kind != "create":  # that one is refused
            is_shell = seen is not None and seen.status is S.REVIEW_IN_PROGRESS
            require(
                is_shell and seen.stack_id == stack.stack_id,
                f"{asked} of a stack that is not ours",
            )
        world.waves.asked(asked, seen)
        rows = world.jobs.since(invocation.first_edit, job_of(asked.name))
        wanted = [job for row in rows for job in world.desired_since(row, invocation.began_at)]
        require(any(self._wants(job, asked, seen) for job in wanted), f"{asked}; the rows: {rows}")

    def called(self, asked: Asked, error: ProvisionerError | None) -> None:
        """Count an operation that was accepted, or refused but for its rate.

        In a full account a creation is called for until there is room, but not again at once.
        """
        name, now = job_of(asked.name), self._world.timeline.now
        if isinstance(error, StackLimitError):
            before = self._refused_for_room.get(name)
            self._refused_for_room[name] = now
            if before is None or now - before >= SUSPENDED_FOR:
                return
        self._operations[name] += 1
        require(self._operations[name] <= MOST_OPERATIONS, f"a hot loop of {name}")

    def saved(self, record: StackRecord, before: StackRecord | None) -> None:
        """Check a record as it is written over another version."""
        version = before.version if before else 0
        invocation = self._world.calls.invocation
        read = invocation.versions.get(record.job_name)
        require(read == version, f"version {version} was overwritten, {read} was read: {record}")
        invocation.versions[record.job_name] = version + 1
        self._world.artifact_index.note(record)
        check_saved(record, before, self._world.bundles.source_of)
        job = self._world.desired(invocation.rows.get(record.job_name))
        if job is not None and not isinstance(job, InvalidRow):
            written = job.job if isinstance(job, Unbuilt) else job
            self.policies[record.job_name] = written.deletion_policy
        if job is None and f"jobs-{record.job_name}" not in self._world.cloudformation.stacks:
            self.policies.pop(record.job_name, None)  # nothing is retained any more
        if record.status is JobStatus.READY and record.reservation is None:
            self._check_ready(record, before)

    def _check_ready(self, record: StackRecord, before: StackRecord | None) -> None:
        """Check that a job is READY by what was seen, or stays so where nobody had to look."""
        seen = self._world.calls.invocation.seen
        stack_name = f"jobs-{record.job_name}"
        if stack_name not in seen:
            was_so = before is not None and before.status is JobStatus.READY
            is_same = before is not None and before.deployed_digest == record.deployed_digest
            require(was_so and is_same, f"READY without a look: {record}")
            return
        state = seen[stack_name]
        if state is None:
            raise Broken(f"READY without a stack: {record}")
        require(state.status in SETTLED, f"READY in {state.status}")

    def _wants(self, job: Desired, asked: Asked, seen: StackState | None) -> bool:
        """Tell whether a row asked for an operation, with code that was the newest meanwhile."""
        status = seen and seen.status
        if isinstance(job, Unbuilt):  # what runs stays; what never came up, or is going, does not
            goes = asked.kind == "delete" and status in _OTHERS_MAY_ACT_ON
            foundation = MEMORY.spec_digest(job.job) if kind_of_build(job.job) == "image" else None
            if asked.kind == "create":
                return seen is None and asked.digest == foundation
            if asked.kind == "update":
                return status in SETTLED | {S.UPDATE_FAILED} and asked.digest == foundation
            return goes or (asked.kind == "continue" and status is S.UPDATE_ROLLBACK_FAILED)
        if isinstance(job, InvalidRow) or (job is not None and job.paused):
            return False
        if job is None:
            # Another invocation may have read a row since: one before the row went, or after.
            known = self._world.calls.invocation.retained & self.retained()
            retained = job_of(asked.name) in known
            return asked.kind == "delete" and (not retained or status is S.REVIEW_IN_PROGRESS)
        match asked.kind:
            case "create":
                return seen is None and asked.digest == MEMORY.spec_digest(job)
            case "update":
                is_missing = seen is not None and seen.drift is not None and seen.drift.missing
                wanted = REBUILDING if is_missing else MEMORY.spec_digest(job)
                return status in SETTLED | {S.UPDATE_FAILED} and asked.digest == wanted
            case "delete":
                return status in _OTHERS_MAY_ACT_ON
            case _:
                return status is S.UPDATE_ROLLBACK_FAILED

    # At rest

    def check_at_rest(self, job_name: str) -> None:
        """Check that a job's stack is its row's, or that its record says truthfully why not."""
        world = self._world
        row = world.jobs.rows.get(job_name)
        record = world.stacks.records.get(job_name)
        stack = world.cloudformation.stacks.get(f"jobs-{job_name}")
        shown = f"row {row}\nrecord {record}\nstack {stack}"
        job = world.desired(row)
        self._check_index(job_name, row, record, shown)
        if record is None:
            assert row is None, f"never looked at\n{shown}"
            assert stack is None or not stack.is_ours, f"a forgotten stack\n{shown}"
            return
        # Nobody asks CloudFormation for the sake of a row that never made sense, and no comparison
        # for that of a paused one or a retained stack.
        is_known = record.stack_id is not None or record.status is not JobStatus.INVALID
        is_known &= job_name not in world.unheard or record.status not in _AT_PEACE
        if is_known and (stack is None or stack.is_ours):
            real = stack.status if stack else S.DELETE_COMPLETE if record.stack_id else None
            assert record.cloudformation_status is real, f"not CloudFormation's status\n{shown}"
        match job:
            case InvalidRow(errors=errors):
                assert record.status is JobStatus.INVALID, shown
                assert record.errors == errors, shown
            case None:
                assert self._is_gone(record, stack), shown
            case Unbuilt():
                is_so = self._is_failed_build(job, record, stack)
                assert is_so or self._is_failed(record, stack), shown
            case _ if job.paused:
                assert record.status is JobStatus.PAUSED, shown
            case _:
                assert self._is_done(job, record, stack), shown

    def _check_index(
        self, job_name: str, row: Row | None, record: StackRecord | None, shown: str
    ) -> None:
        """Check that a push of what the row names finds the job, and that of nothing else does.

        But for what was added by a function that ended before it could say so: a push of that costs
        a look.
        """
        index = self._world.artifact_index
        found = {artifact for artifact, of in index.pairs if of == job_name}
        job = row and MEMORY.parse(row)
        if isinstance(job, InvalidRow):
            return
        wanted = set(tracked_artifacts(job)) if job else set()
        assert wanted <= found, f"pushes of {wanted - found} are not heard\n{shown}"
        former = set(record.former_artifacts) if record else set()
        unrecorded = {artifact for artifact, of in index.unrecorded if of == job_name}
        assert found - wanted <= former | unrecorded, f"{found} is in the index\n{shown}"

    def _is_done(self, job: Job, record: StackRecord, stack: Stack | None) -> bool:
        digest = MEMORY.spec_digest(job)
        version = _wanted_version(record, stack)
        wanted = Spec(
            MEMORY.template(job, version),
            {
                "SpecDigest": digest,
                "TemplateVersion": version,
                "DeletionPolicy": job.deletion_policy,
            },
        )
        is_so = (
            stack is not None and stack.is_ours and stack.status in SETTLED and stack.spec == wanted
        )
        if stack and stack.drift and stack.drift.missing:
            is_named = "Deleted by hand" in str(record.failure)
            return self._is_failed(record, stack) or (
                record.status is JobStatus.FAILED and is_named
            )
        if record.status is JobStatus.READY:
            if record.pinned != pinned_of(job):
                return False
            check_ready(record)
            return is_so and record.spec_digest == record.deployed_digest == digest
        return not is_so and self._is_failed(record, stack)

    def _is_failed_build(self, job: Unbuilt, record: StackRecord, stack: Stack | None) -> bool:
        """Tell whether a job could not be built as it says, and what ran before still does."""
        build, failure = record.build, record.failure
        if record.status is not JobStatus.FAILED or build is None or failure is None:
            return False
        reasons = self._world.codebuild.failures_of(job.digest)
        says = {f"Its build failed: {reason}" for reason in reasons}
        is_settled = stack is not None and stack.is_ours and stack.status in SETTLED
        runs = not is_settled or stack.spec.digest == record.deployed_digest
        return build.digest == job.digest and failure.reason in says and runs

    def _is_gone(self, record: StackRecord, stack: Stack | None) -> bool:
        is_ours = stack is not None and stack.is_ours
        match record.status:
            case JobStatus.DELETED:
                left = self._world.cloudformation.left_behind(f"jobs-{record.job_name}")
                return not is_ours and left <= set(record.retained_resources)
            case JobStatus.RETAINED:
                return is_ours and self.policies.get(record.job_name) == "retain"
            case JobStatus.PENDING:
                return is_ours and record.deletion is Deletion.HELD
            case _:
                return is_ours and self._is_failed(record, stack)

    def _is_failed(self, record: StackRecord, stack: Stack | None) -> bool:
        """Tell whether a job has failed as it says: of a reason given, and not given up early."""
        if record.status is not JobStatus.FAILED or record.failure is None:
            return False
        reason = record.failure.reason
        if "DeploymentConfig" in reason:  # the other mode would have been taken
            return False
        if stack and not stack.is_ours:
            return stack.stack_id in reason
        given = self._world.cloudformation.reasons.get(f"jobs-{record.job_name}", set())
        status = stack.status if stack else S.DELETE_COMPLETE
        unexplained = reason == f"The stack is in {status} and its events give no reason."
        if reason not in given and not unexplained:
            return False
        # The failure that the stack shows counts once more after a call that was denied.
        attempts = record.attempts + self._world.faults.was_denied
        tried = attempts >= MAX_ATTEMPTS or record.recoveries >= 3
        return tried or not is_recoverable(reason)


def require(holds: object, otherwise: str) -> None:
    """Raise Broken unless something holds."""
    if not holds:
        raise Broken(otherwise)


def _wanted_version(record: StackRecord, stack: Stack | None) -> str:
    """Return that to which an upgrade takes the job; otherwise any version of templates will do."""
    mark = record.upgrade
    if mark is not None and mark.ended_at is None and record.status is not JobStatus.READY:
        return mark.to
    return str(stack and stack.spec.parameters.get("TemplateVersion"))
