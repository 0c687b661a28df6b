"""The reconciler over in-memory ports: single stories, and any story at all."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from provisioner.errors import (
    ConflictError,
    NoChangesError,
    PermanentError,
    StackLimitError,
    TemporaryError,
    ThrottledError,
)
from provisioner.jobs import FieldError, InvalidRow, guarded
from provisioner.stacks.attempts import MAX_ATTEMPTS
from provisioner.stacks.deletion_budget import Budget, Deletions
from provisioner.stacks.drift import detect_drift
from provisioner.stacks.model import Deletion, DriftStatus, JobStatus, StackState
from provisioner.stacks.outcomes import Done, Failed, RateLimited
from provisioner.stacks.ports import Ports
from provisioner.stacks.rate_limits import Quota, RateLimit, Reservation
from provisioner.stacks.reconcile import Reconciler
from provisioner.stacks.stack_status import StackStatus
from tests.simulation.faults import Crash
from tests.support.drawn import examples
from tests.support.fakes import (
    FakeArtifactIndex,
    FakeBuilds,
    FakeClock,
    FakeCloudFormation,
    FakeDeletionBudget,
    FakeDependants,
    FakeJobRuns,
    FakeJobs,
    FakePauses,
    FakeQueue,
    FakeRateLimiter,
    FakeStacks,
    Faults,
    UnlimitedRateLimiter,
)
from tests.support.platforms import PLATFORM, synthesize

NAME = "report"
TEMPLATES = "templates-a"
STACK = "jobs-report"
THROTTLED = "Rate exceeded (Service: Lambda, Status Code: 429)"
BROKEN = "Properties validation failed"


def row(memory_mb=128, **more):
    return {
        "job_name": NAME,
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "app.handler",
        "bundle": "s3://bundles/report.zip",
        "memory_mb": memory_mb,
        **more,
    }


# Five attempts, each of a deletion and a creation, and the four steps of a stubborn deletion.
MOST_OPERATIONS = 2 * MAX_ATTEMPTS + 4


class World:
    def __init__(self, rate_limiter=UnlimitedRateLimiter, platform=PLATFORM):
        self.clock = FakeClock()
        self.faults = Faults()
        self.jobs = FakeJobs()
        self.stacks = FakeStacks(self.faults)
        self.cloudformation = FakeCloudFormation(self.clock, self.faults)
        self.queue = FakeQueue()
        self.missing = set()
        self.unpinnable = None
        self.rate_limiter = rate_limiter(self.clock)
        self.dependants = FakeDependants(self.faults)
        self.artifact_index = FakeArtifactIndex()
        self.runs = FakeJobRuns()
        self.pauses = FakePauses()
        self.deletion_budget = FakeDeletionBudget(self.clock, Budget(2, 0))
        self.ports = Ports(
            self.jobs,
            self.stacks,
            self.cloudformation,
            self.queue,
            self.rate_limiter,
            self.pin,
            self.dependants,
            self.artifact_index,
            self.deletion_budget,
            self.runs,
            self.pauses,
            synthesize,
            TEMPLATES,
            FakeBuilds(),
        )
        self.reconciler = Reconciler(self.ports, platform, self.clock, Random())

    def pin(self, job):
        if self.unpinnable:
            raise PermanentError(self.unpinnable)
        if job.bundle.uri in self.missing:
            error = FieldError("bundle", "does not exist")
            return InvalidRow(job.job_name, (error,))
        return job

    def reconcile(self, *names):
        return dict(self.reconciler.reconcile(names or (NAME,)))

    def retry(self):
        return dict(self.reconciler.reconcile([NAME], retry=[NAME]))

    def put(self, **row_attributes):
        self.jobs.rows[NAME] = row(**row_attributes)
        return self.reconcile()[NAME]

    def remove(self):
        del self.jobs.rows[NAME]
        return self.reconcile()[NAME]

    def finish(self, failure=None, **more):
        self.cloudformation.finish(STACK, failure, **more)
        return self.reconcile()[NAME]

    @property
    def record(self):
        return self.stacks.records[NAME]

    @property
    def state(self):
        return self.cloudformation.stacks[STACK].state


@pytest.fixture
def world():
    return World()


@pytest.fixture
def ready(world):
    world.put()
    world.finish()
    assert world.record.status is JobStatus.READY
    return world


def test_a_row_becomes_a_stack_and_its_arns_come_back(ready):
    assert ready.record.stack_id == ready.state.stack_id
    assert ready.record.outputs == {"StateMachineArn": f"arn:{ready.record.spec_digest}"}
    assert ready.record.deployed_digest == ready.record.spec_digest
    assert [c.status for c in ready.record.conditions] == ["True", "True"]


def test_a_row_that_reaches_too_far_is_invalid_and_its_stack_stays():
    world = World(platform=replace(PLATFORM, allowed=replace(PLATFORM.allowed, slack_channels=())))
    world.put()
    world.finish()
    deployed = world.state

    world.put(memory_mb=512, slack_channel="#board")

    assert world.record.status is JobStatus.INVALID
    assert [error.field for error in world.record.errors] == ["slack_channel"]
    assert world.state == deployed


def test_reconciling_again_changes_nothing(ready):
    before = ready.record

    ready.reconcile()

    assert ready.record is before
    assert ready.cloudformation.operations == [("create", STACK)]


def release(world, version):
    """Let the functions be of another release from now on."""
    world.ports = replace(world.ports, template_version=version)
    world.reconciler = Reconciler(world.ports, PLATFORM, world.clock, Random())


def test_a_stack_says_which_templates_made_it(ready):
    assert ready.state.template_version == ready.record.template_version == TEMPLATES

    release(ready, "templates-b")
    ready.put(memory_mb=256)

    assert ready.record.template_version == TEMPLATES
    ready.finish(BROKEN)
    assert ready.record.template_version == TEMPLATES
    ready.put(memory_mb=512)
    ready.finish()
    assert ready.state.template_version == ready.record.template_version == "templates-b"
    ready.remove()
    ready.finish()
    assert ready.record.template_version is None


def test_a_release_with_other_templates_changes_no_stack(ready):
    before, deployed = ready.record, ready.state

    release(ready, "templates-b")
    ready.reconcile()

    assert (ready.record, ready.state) == (before, deployed)


def test_a_stack_of_an_earlier_release_does_not_say_which_templates_made_it(ready):
    stack = ready.cloudformation.stacks[STACK]
    stack.state = replace(stack.state, template_version=None)

    ready.reconcile()

    assert ready.record.template_version is None
    assert ready.record.status is JobStatus.READY
    assert [verb for verb, _ in ready.cloudformation.operations] == ["create"]


def test_an_edit_updates_and_a_removal_deletes(ready):
    ready.put(memory_mb=256)
    assert ready.record.status is JobStatus.UPDATING
    ready.finish()
    assert ready.record.status is JobStatus.READY
    ready.remove()
    assert ready.record.status is JobStatus.DELETING
    ready.finish()

    assert ready.record.status is JobStatus.DELETED
    assert ready.record.expires_at is not None
    assert ready.record.outputs == {}
    assert ready.cloudformation.stacks == {}


def test_the_last_of_several_edits_during_an_operation_wins(world):
    world.put(memory_mb=128)
    for memory_mb in (256, 512, 1024):
        world.put(memory_mb=memory_mb)
    wanted = world.record.spec_digest
    assert world.record.status is JobStatus.CREATING

    world.finish()
    world.finish()

    assert world.state.digest == wanted
    assert world.record.status is JobStatus.READY
    assert [verb for verb, _ in world.cloudformation.operations] == ["create", "update"]


def test_an_invalid_row_keeps_its_running_stack(ready):
    before = ready.state

    ready.put(memory_mb=1, colour="red")

    assert ready.record.status is JobStatus.INVALID
    assert {error.field for error in ready.record.errors} == {"memory_mb", "colour"}
    assert ready.state == before
    assert ready.record.outputs
    ready.put()
    assert ready.record.status is JobStatus.READY
    assert ready.record.errors == ()


def test_a_missing_bundle_is_found_before_cloudformation_is_called(world):
    world.missing.add("s3://bundles/report.zip")

    world.put()

    assert world.record.status is JobStatus.INVALID
    assert world.cloudformation.operations == []
    world.missing.clear()
    world.reconcile()
    assert world.record.status is JobStatus.CREATING


def test_a_bad_job_leaves_its_neighbours_alone(world):
    world.jobs.rows = {
        "Capitals": {"job_name": "Capitals"},
        NAME: row(),
        "bad": {"job_name": "bad", "type": "lamda"},
    }

    results = world.reconcile("Capitals", NAME, "bad")

    assert all(isinstance(result.outcome, Done) for result in results.values())
    assert {name: record.status for name, record in world.stacks.records.items()} == {
        "Capitals": JobStatus.INVALID,
        NAME: JobStatus.CREATING,
        "bad": JobStatus.INVALID,
    }


class Observed(FakeJobs):
    """The Jobs table without a row, and the names that it was asked for."""

    def __init__(self):
        super().__init__()
        self.read = []

    def get_many(self, job_names):
        self.read.append([*job_names])
        return {}


def test_few_rows_are_in_memory_at_once(world):
    jobs = Observed()
    ports = replace(world.ports, jobs=jobs)
    world.reconciler = Reconciler(ports, PLATFORM, world.clock, Random())
    names = [f"job-{number}" for number in range(25)]

    assert [*world.reconcile(*names)] == names

    assert [name for some in jobs.read for name in some] == names
    assert max(map(len, jobs.read)) <= guarded.ROWS_AT_ONCE


def test_a_refused_job_fails_with_the_reason_and_without_a_loop(world):
    world.put()
    world.finish(BROKEN)

    assert world.record.status is JobStatus.FAILED
    assert world.record.failure.reason == BROKEN
    assert world.record.failure.resource == "Function"
    for _ in range(5):
        world.reconcile()
    assert world.cloudformation.operations == [("create", STACK)]


def test_the_next_good_row_heals_a_rolled_back_stack(world):
    world.put()
    world.finish(BROKEN)
    world.put(memory_mb=256)
    assert world.state.status is StackStatus.DELETE_IN_PROGRESS
    world.finish()
    assert world.state.status is StackStatus.CREATE_IN_PROGRESS
    world.finish()

    assert world.record.status is JobStatus.READY
    assert world.record.failure is None


def test_a_failed_update_keeps_the_last_good_stack(ready):
    good = ready.state.digest
    ready.put(memory_mb=256)
    ready.finish(BROKEN)

    assert ready.record.status is JobStatus.FAILED
    assert ready.state.digest == good
    ready.put()
    assert ready.record.status is JobStatus.READY


def test_a_passing_failure_is_retried_five_times_then_given_up(world):
    world.put()
    for attempt in range(1, MAX_ATTEMPTS):
        world.finish(THROTTLED)
        assert world.record.status is JobStatus.RETRYING
        assert world.record.attempts == attempt
        name, delay_seconds = world.queue.sent[-1]
        assert name == NAME
        world.clock.advance(timedelta(seconds=delay_seconds))
        world.reconcile()
        world.finish()  # the deletion; its event creates
    world.finish(THROTTLED)

    assert world.record.status is JobStatus.FAILED
    assert [verb for verb, _ in world.cloudformation.operations].count("create") == MAX_ATTEMPTS


@pytest.mark.parametrize("calls_before", range(3))
@pytest.mark.parametrize(
    "fault",
    [ThrottledError("Rate exceeded"), TemporaryError("500"), ConflictError("faster")],
    ids=["throttle", "server-error", "conflict"],
)
def test_a_temporary_error_of_any_call_is_made_good(world, calls_before, fault):
    world.jobs.rows[NAME] = row()
    world.faults.planned = [None] * calls_before + [fault]

    world.reconcile()
    world.clock.advance(timedelta(seconds=20))
    world.reconcile()

    assert world.record.status is JobStatus.CREATING
    assert world.cloudformation.operations == [("create", STACK)]


def test_a_throttled_create_is_queued_and_says_so(world):
    world.faults.planned = [None, ThrottledError("Rate exceeded")]

    world.put()

    assert world.record.status is JobStatus.PENDING
    assert world.record.conditions[0].message == "Rate exceeded"
    assert [name for name, _ in world.queue.sent] == [NAME]


def test_a_missing_permission_is_shown_and_not_hammered(world):
    world.faults.planned = [None, PermanentError("AccessDenied: not authorized")]

    world.put()
    world.reconcile()

    assert world.record.status is JobStatus.FAILED
    assert "not authorized" in world.record.failure.reason
    assert world.cloudformation.operations == []


@pytest.mark.parametrize("calls_before", range(3))
def test_a_crash_between_any_two_calls_is_made_good(world, calls_before):
    world.jobs.rows[NAME] = row()
    world.faults.planned = [None] * calls_before + [Crash()]
    with pytest.raises(Crash):
        world.reconcile()

    world.reconcile()

    assert world.record.status is JobStatus.CREATING
    assert world.cloudformation.operations == [("create", STACK)]


def test_a_retained_stack_outlives_its_row_and_is_adopted(world):
    world.put(deletion_policy="retain")
    world.finish()
    world.remove()
    assert world.record.status is JobStatus.RETAINED
    assert world.state.status is StackStatus.CREATE_COMPLETE

    world.put(deletion_policy="retain")

    assert world.record.status is JobStatus.READY
    assert world.cloudformation.operations == [("create", STACK)]


def test_the_pause_of_a_job_ends_when_its_deletion_begins_and_when_it_has_ended(ready):
    ready.remove()
    begun = ready.clock.now
    assert ready.pauses.ended == {NAME: [begun]}

    ready.clock.now += timedelta(minutes=1)
    ready.finish()
    ready.reconcile()

    assert ready.record.status is JobStatus.DELETED
    assert ready.pauses.ended == {NAME: [begun, ready.clock.now]}


def test_a_row_that_comes_back_before_its_deletion_has_ended_is_not_paused(ready):
    ready.remove()
    ready.put()
    assert ready.state.status is StackStatus.DELETE_IN_PROGRESS

    ready.finish()
    ready.finish()

    assert ready.record.status is JobStatus.READY
    assert len(ready.pauses.ended[NAME]) == 1


def test_a_row_that_comes_back_before_its_deletion_has_begun_stays_paused(ready):
    ready.runs.running[NAME] = 1
    ready.remove()
    assert ready.record.status is JobStatus.DELETING

    ready.put()

    assert ready.record.status is JobStatus.READY
    assert ready.pauses.ended == {}


def test_a_retained_stack_stays_paused(ready):
    ready.put(deletion_policy="retain")
    ready.finish()

    ready.remove()

    assert ready.record.status is JobStatus.RETAINED
    assert ready.pauses.ended == {}


def test_a_pause_that_could_not_be_ended_is_ended_later(ready):
    denied = PermanentError("AccessDenied: dynamodb:PutItem")
    ready.pauses.faults.planned = [denied]
    ready.remove()
    assert (ready.record.status, ready.pauses.ended) == (JobStatus.FAILED, {})
    assert ready.state.status is StackStatus.CREATE_COMPLETE

    ready.retry()
    ready.cloudformation.finish(STACK)
    ready.pauses.faults.planned = [denied]
    ready.reconcile()

    assert ready.record.status is JobStatus.FAILED
    assert "PutItem" in ready.record.failure.reason
    ready.retry()
    assert (ready.record.status, len(ready.pauses.ended[NAME])) == (JobStatus.DELETED, 2)


def test_a_stack_that_is_described_only_after_its_row_is_removed_is_retained(world):
    world.put(deletion_policy="retain")
    [(name, created)] = world.cloudformation.stacks.items()
    world.cloudformation.stacks.clear()  # DescribeStacks is eventually consistent
    world.remove()
    assert world.record.status is JobStatus.DELETED

    world.cloudformation.stacks[name] = created
    world.finish()

    assert world.record.status is JobStatus.RETAINED
    assert world.state.status is StackStatus.CREATE_COMPLETE


def test_a_foreign_stack_is_left_alone(world):
    foreign = StackState("arn:theirs", StackStatus.CREATE_COMPLETE, ours=False)
    world.put()
    world.finish()
    world.cloudformation.stacks[STACK].state = foreign

    world.put(memory_mb=256)

    assert world.record.status is JobStatus.FAILED
    assert "arn:theirs" in world.record.failure.reason
    world.remove()
    assert world.state == foreign


def test_the_stack_of_a_paused_row_stays(ready):
    ready.put(memory_mb=256, paused=True)
    assert ready.record.status is JobStatus.PAUSED
    assert len(ready.cloudformation.operations) == 1
    ready.put(memory_mb=256, paused=False)
    assert ready.record.status is JobStatus.UPDATING


def test_a_row_that_was_never_known_and_is_gone_leaves_no_record(world):
    world.reconcile()

    assert world.stacks.records == {}


def test_a_deletion_that_fails_leaves_resources_behind_and_names_them(ready):
    ready.remove()
    for _ in range(2):
        ready.finish("bucket is not empty")
    assert ready.record.retained_resources == ("Function",)
    ready.finish()

    assert ready.record.status is JobStatus.DELETED
    assert ready.record.retained_resources == ("Function",)


def test_a_deletion_whose_event_is_quicker_than_its_record_is_counted(ready):
    """The event's reconcile makes a reservation before the record is written."""
    ready.remove()
    ready.cloudformation.finish(STACK, "bucket is not empty")
    save = ready.stacks.save

    def slow_save(record):
        ready.stacks.save = save
        reservation = Reservation(Quota.DELETE, ready.clock() + timedelta(seconds=1))
        save(replace(ready.record, status=JobStatus.PENDING, reservation=reservation))
        save(record)

    before = ready.record.recoveries
    ready.stacks.save = slow_save
    ready.reconcile()

    assert ready.record.status is JobStatus.DELETING
    assert ready.record.recoveries == before + 1


def test_retained_resources_are_recorded_before_the_deletion(ready):
    ready.remove()
    ready.finish("bucket is not empty")
    ready.cloudformation.finish(STACK, "bucket is not empty")
    describe = foretell = delete = None
    ready.faults.planned = [describe, foretell, delete, Crash()]
    with pytest.raises(Crash):
        ready.reconcile()

    ready.finish()

    assert ready.record.status is JobStatus.DELETED
    assert ready.record.retained_resources == ("Function",)


FAULTS = st.sampled_from(
    [ThrottledError("Rate exceeded"), TemporaryError("503"), ConflictError("x"), Crash()]
)
GOOD_ROWS = st.sampled_from([row(128), row(256), row(512, deletion_policy="retain")])
OTHER_ROWS = st.sampled_from(
    [None, row(1), row(128, paused=True), {"job_name": NAME, "type": "nonsense"}]
)
ENDS = st.sampled_from([None, THROTTLED, BROKEN])


class AnyStory(RuleBasedStateMachine):
    """Edits, lost and repeated events, failures and crashes in any order; then quiet."""

    def __init__(self):
        super().__init__()
        self.world = World()
        self.from_now_on = None

    @initialize(ready=st.booleans())
    def a_job_begins(self, ready):
        self.world.put()
        if ready:
            self.world.finish()

    @rule(row=GOOD_ROWS | OTHER_ROWS, with_event=st.booleans())
    def write(self, row, with_event):
        self.world.jobs.rows.pop(NAME, None)
        if row is not None:
            self.world.jobs.rows[NAME] = dict(row)
        if with_event:
            self.world.reconcile()

    @rule()
    def reconcile(self):
        self.world.reconcile()

    @rule(calls_before=st.integers(0, 4), fault=FAULTS)
    def reconcile_goes_wrong(self, calls_before, fault):
        self.world.faults.planned = [None] * calls_before + [fault]
        with contextlib.suppress(Crash):
            self.world.reconcile()
        self.world.faults.planned = []

    @precondition(lambda self: self.world.cloudformation.running())
    @rule(failure=ENDS, stuck=st.booleans(), with_event=st.booleans())
    def operation_ends(self, failure, stuck, with_event):
        self.world.cloudformation.finish(STACK, failure, stuck=stuck)
        if with_event:
            self.world.reconcile()

    @rule(minutes=st.integers(1, 60))
    def time_passes(self, minutes):
        self.world.clock.advance(timedelta(minutes=minutes))

    @rule(failure=ENDS)
    def the_weather_changes(self, failure):
        """From the end of the story on every operation ends so."""
        self.from_now_on = failure

    def teardown(self):
        before = len(self.world.cloudformation.operations)
        self.settle()
        made = self.world.cloudformation.operations[before:]
        assert len(made) <= MOST_OPERATIONS, f"a hot loop: {made}"
        self.check_the_stack_is_the_rows()

    def settle(self):
        """Let every event come and every operation end until nothing moves any more."""
        for _ in range(40):
            self.world.reconcile()
            for name in self.world.cloudformation.running():
                self.world.cloudformation.finish(name, self.from_now_on)
            self.world.clock.advance(timedelta(minutes=20))
        quiet = len(self.world.cloudformation.operations)
        self.world.reconcile()
        assert len(self.world.cloudformation.operations) == quiet, "a settled job acts"

    def check_the_stack_is_the_rows(self):
        world = self.world
        stored = world.stacks.records.get(NAME)
        stack = world.cloudformation.stacks.get(STACK)
        if NAME not in world.jobs.rows:
            if stack is None:
                assert stored is None or stored.status is JobStatus.DELETED
            else:
                assert stored.status in {JobStatus.RETAINED, JobStatus.FAILED}
            return
        match stored.status:
            case JobStatus.READY:
                assert stack.state.digest == stored.spec_digest == stored.deployed_digest
            case JobStatus.FAILED:
                assert stored.failure.reason
                assert self.from_now_on or stored.attempts or stored.recoveries
            case JobStatus.INVALID:
                assert stored.errors
            case status:
                assert status is JobStatus.PAUSED
                assert world.jobs.rows[NAME]["paused"] is True


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(max_examples=examples(200), stateful_step_count=25, deadline=None)


def test_a_stale_record_is_not_overwritten(ready):
    stale = replace(ready.record, status=JobStatus.PENDING, version=0)

    with pytest.raises(ConflictError):
        ready.stacks.save(stale)


def test_a_corrected_row_is_deployed_after_a_rollback_that_had_to_be_continued(ready):
    ready.put(memory_mb=256)
    ready.finish(BROKEN, stuck=True)
    assert ready.state.status is StackStatus.UPDATE_ROLLBACK_IN_PROGRESS

    ready.put(memory_mb=512)
    ready.finish()
    assert ready.state.status is StackStatus.UPDATE_IN_PROGRESS
    ready.finish()

    assert ready.record.status is JobStatus.READY
    assert ready.state.digest == ready.record.spec_digest


def test_an_unchanged_row_fails_with_the_first_reason_after_its_rollback_was_continued(ready):
    ready.put(memory_mb=256)
    ready.finish(BROKEN, stuck=True)
    ready.finish()

    assert ready.record.status is JobStatus.FAILED
    assert ready.record.failure.reason == BROKEN


def test_an_operation_that_could_not_be_recorded_is_recorded_later(ready):
    """An update and the continuation of its rollback began while no row could be written."""

    def unwritable(_record):
        raise TemporaryError("503")

    save, ready.stacks.save = ready.stacks.save, unwritable
    ready.put(memory_mb=256)
    ready.finish(BROKEN, stuck=True)
    result = ready.finish()
    assert isinstance(result.to_requeue, TemporaryError)
    ready.stacks.save = save

    ready.reconcile()
    ready.reconcile()

    assert ready.record.status is JobStatus.FAILED
    assert ready.record.failure.reason == BROKEN
    verbs = [verb for verb, _ in ready.cloudformation.operations]
    assert verbs == ["create", "update", "continue"]


def test_a_new_row_gets_all_recoveries_again(ready):
    ready.put(memory_mb=256)
    ready.finish(BROKEN, stuck=True)
    for _ in range(3):
        ready.finish(BROKEN)
    assert ready.record.status is JobStatus.FAILED

    ready.put(memory_mb=512)

    assert ready.state.status is StackStatus.UPDATE_ROLLBACK_IN_PROGRESS


def test_a_quota_is_tried_again_five_times_and_not_forever(world):
    quota = "LimitExceededException: Cannot exceed quota for RolesPerAccount: 1000"
    world.jobs.rows[NAME] = row()
    for _ in range(2 * MAX_ATTEMPTS):
        world.faults.planned = [None, PermanentError(quota)]
        world.reconcile()
        world.clock.advance(timedelta(minutes=15))

    assert world.record.status is JobStatus.FAILED
    assert world.record.attempts == MAX_ATTEMPTS
    assert world.record.failure.reason == quota
    assert len(world.queue.sent) == MAX_ATTEMPTS - 1


def test_a_row_that_returns_is_not_forgotten_with_its_deleted_one(ready):
    ready.remove()
    ready.finish()
    assert ready.record.expires_at is not None
    ready.put(memory_mb=1)
    assert ready.record.expires_at is None
    ready.put()
    ready.finish()

    assert ready.record.status is JobStatus.READY
    assert ready.record.expires_at is None


def test_a_deleted_row_that_returns_into_a_throttle_is_pending(ready):
    ready.remove()
    ready.finish()
    ready.faults.planned = [None, ThrottledError("Rate exceeded")]

    ready.put()

    assert ready.record.status is JobStatus.PENDING


def test_a_stack_that_may_not_be_described_is_shown_and_recovers(world):
    world.faults.planned = [PermanentError("AccessDenied: cloudformation:DescribeStacks")]

    world.put()

    assert world.record.status is JobStatus.FAILED
    assert "DescribeStacks" in world.record.failure.reason
    world.reconcile()
    assert world.record.status is JobStatus.CREATING


def test_an_artifact_that_may_not_be_read_is_shown_and_recovers(ready):
    ready.unpinnable = "AccessDenied: ecr:BatchGetImage"

    ready.put(memory_mb=256, deletion_policy="retain")

    assert ready.record.status is JobStatus.FAILED
    assert "BatchGetImage" in ready.record.failure.reason
    assert ready.record.retain
    ready.unpinnable = None
    ready.reconcile()
    assert ready.record.status is JobStatus.UPDATING


def test_a_row_with_very_many_errors_shows_a_hundred(world):
    world.put(tags={f"aws:{index}": "x" for index in range(5000)})

    assert world.record.status is JobStatus.INVALID
    assert len(world.record.errors) <= 101
    assert len(world.record.conditions[0].message) <= 1000


def test_pausing_forgets_neither_digest_nor_failure(world):
    world.put()
    world.finish(BROKEN)
    before = world.record

    world.put(paused=True)

    assert world.record.status is JobStatus.PAUSED
    assert world.record.spec_digest == before.spec_digest
    assert world.record.failure == before.failure
    world.put()
    assert world.record.status is JobStatus.FAILED
    assert len(world.cloudformation.operations) == 1


def named(name, **more):
    return row(**more) | {"job_name": name}


def test_an_update_that_has_nothing_to_do_is_ready(world):
    world.put()
    world.finish()
    world.faults.planned = [None, NoChangesError("No updates are to be performed.")]

    world.put(memory_mb=256)

    assert world.record.status is JobStatus.READY
    assert world.record.deployed_digest == world.record.spec_digest


@pytest.fixture
def paced():
    return World(rate_limiter=FakeRateLimiter)


class TestWaiting:
    def put_many(self, world, count):
        names = [f"report-{number}" for number in range(count)]
        world.jobs.rows = {name: named(name) for name in names}
        world.reconcile(*names)
        return names

    def test_a_burst_makes_reservations_without_calling_cloudformation(self, paced):
        names = self.put_many(paced, 50)

        started = [name for name in names if paced.stacks.records[name].status == "CREATING"]
        waiting = [name for name in names if paced.stacks.records[name].status == "PENDING"]
        assert 1 <= len(started) <= 2
        assert len(waiting) == 50 - len(started)
        assert paced.cloudformation.described == len(started)
        assert sorted(name for name, _ in paced.queue.sent) == sorted(waiting)
        delays = [delay for _, delay in paced.queue.sent]
        assert delays == sorted(delays)
        assert 24 <= delays[-1] <= 27
        message = paced.stacks.records[names[-1]].conditions[0].message
        assert "09:00:2" in message
        assert "2 create calls per second" in message

    def test_reconciling_a_waiting_job_again_does_nothing(self, paced):
        names = self.put_many(paced, 10)
        before = dict(paced.stacks.records), list(paced.queue.sent), dict(paced.rate_limiter.limits)

        paced.reconcile(*names[5:])

        assert (paced.stacks.records, paced.queue.sent, paced.rate_limiter.limits) == before

    def test_a_reservation_comes_due(self, paced):
        names = self.put_many(paced, 10)
        (delay,) = [delay for name, delay in paced.queue.sent if name == names[-1]]
        paced.clock.advance(timedelta(seconds=delay))

        paced.reconcile(names[-1])

        assert paced.stacks.records[names[-1]].status == "CREATING"
        assert paced.stacks.records[names[-1]].reservation is None

    def test_a_job_that_comes_much_too_late_reserves_again(self, paced):
        names = self.put_many(paced, 10)
        paced.clock.advance(timedelta(minutes=30))
        late, ahead = names[-1], [f"next-{number}" for number in range(10)]
        paced.jobs.rows |= {name: named(name) for name in ahead}
        paced.reconcile(*ahead)

        paced.reconcile(late)

        assert paced.stacks.records[late].reservation.at > paced.clock.now

    def test_an_update_does_not_wait_behind_creations(self, paced):
        paced.jobs.rows[NAME] = row()
        paced.reconcile(NAME)
        paced.finish()
        self.put_many(paced, 500)
        paced.jobs.rows[NAME] = row(memory_mb=256)

        paced.reconcile(NAME)

        assert paced.record.status is JobStatus.UPDATING

    def test_a_job_that_waits_becomes_invalid_at_once(self, paced):
        names = self.put_many(paced, 10)
        paced.jobs.rows[names[-1]] = named(names[-1], memory_mb=1)

        paced.reconcile(names[-1])

        assert paced.stacks.records[names[-1]].status == "INVALID"

    def test_a_row_that_asks_to_be_retained_while_it_waits_is(self, paced):
        self.put_many(paced, 4)
        paced.jobs.rows[NAME] = row()
        paced.clock.advance(timedelta(minutes=2))
        paced.reconcile(NAME)
        paced.finish()
        paced.rate_limiter.limits[Quota.UPDATE] = RateLimit(
            next_reservation_at=paced.clock.now + timedelta(minutes=1)
        )
        paced.put(memory_mb=256)
        assert paced.record.status is JobStatus.PENDING

        paced.put(memory_mb=256, deletion_policy="retain")
        paced.remove()

        assert paced.record.status is JobStatus.RETAINED
        assert paced.state.status is StackStatus.CREATE_COMPLETE

    def test_a_throttled_job_keeps_its_reservation_and_the_others_slow_down(self, paced):
        names = self.put_many(paced, 10)
        (delay,) = [delay for name, delay in paced.queue.sent if name == names[5]]
        paced.clock.advance(timedelta(seconds=delay))
        paced.faults.planned = [None, ThrottledError("Rate exceeded")]

        paced.reconcile(names[5])

        record = paced.stacks.records[names[5]]
        assert record.status is JobStatus.PENDING
        assert record.reservation.quota is Quota.CREATE
        assert record.conditions[0].message == "Rate exceeded"
        assert paced.rate_limiter.limits[Quota.CREATE].free_at >= paced.clock.now + timedelta(
            seconds=1
        )
        paced.clock.advance(record.reservation.at - paced.clock.now)
        paced.reconcile(names[5])
        assert paced.stacks.records[names[5]].status is JobStatus.CREATING

    def test_at_the_stack_limit_new_jobs_are_pending_and_others_continue(self, paced):
        paced.put()
        paced.finish()
        reason = "Limit for stack has been exceeded"
        paced.jobs.rows |= {name: named(name) for name in ("one", "two")}
        paced.clock.advance(timedelta(seconds=10))
        paced.faults.planned = [None, StackLimitError(reason)]
        operations = len(paced.cloudformation.operations)

        paced.reconcile("one", "two")

        for name in ("one", "two"):
            assert paced.stacks.records[name].status is JobStatus.PENDING
            assert paced.stacks.records[name].conditions[0].message == reason
        assert all(300 <= delay <= 900 for _, delay in paced.queue.sent[-2:])
        messages = len(paced.queue.sent)
        paced.reconcile("one", "two")
        assert len(paced.queue.sent) == messages
        assert paced.stacks.records["one"].conditions[0].message == reason
        paced.put(memory_mb=256)
        assert paced.record.status is JobStatus.UPDATING
        assert len(paced.cloudformation.operations) == operations + 1
        paced.clock.advance(timedelta(minutes=15))
        paced.reconcile("one")
        assert paced.stacks.records["one"].status is JobStatus.CREATING

    def test_a_job_that_never_existed_leaves_no_record(self, paced):
        paced.reconcile(*(f"nobody-{number}" for number in range(20)))

        assert paced.stacks.records == {}

    def test_waiting_for_a_describe_changes_no_status(self, paced):
        paced.put()
        paced.finish()
        for _ in range(20):
            paced.reconcile()

        assert paced.record.status is JobStatus.READY
        assert paced.record.reservation.quota is Quota.DESCRIBE
        assert len(paced.queue.sent) == 1
        paced.clock.advance(timedelta(seconds=paced.queue.sent[0][1]))
        paced.reconcile()
        assert paced.record.reservation is None


def test_a_row_that_asks_to_be_retained_while_its_stack_cannot_be_described_is(ready):
    ready.jobs.rows[NAME] = row(deletion_policy="retain")
    ready.faults.planned = [PermanentError("AccessDenied: cloudformation:DescribeStacks")]
    ready.reconcile()
    assert ready.record.status is JobStatus.FAILED

    ready.remove()

    assert ready.record.status is JobStatus.RETAINED
    assert ready.state.status is StackStatus.CREATE_COMPLETE


def test_a_job_whose_stack_could_not_be_described_is_not_given_up(world):
    world.put()
    world.cloudformation.finish(STACK, THROTTLED)
    world.faults.planned = [PermanentError("AccessDenied: cloudformation:DescribeStacks")]
    world.reconcile()
    assert world.record.status is JobStatus.FAILED

    world.reconcile()

    assert world.record.status is JobStatus.RETRYING
    assert world.record.failure.reason == THROTTLED


def test_the_last_failure_is_shown_and_not_one_before_it(ready):
    ready.put(memory_mb=256)
    ready.finish(THROTTLED)
    assert ready.record.status is JobStatus.RETRYING
    ready.clock.advance(timedelta(minutes=15))
    ready.faults.planned = [None, PermanentError("AccessDenied: cloudformation:UpdateStack")]
    ready.reconcile()
    before = ready.record
    assert "UpdateStack" in before.failure.reason

    ready.reconcile()

    assert ready.record.status is JobStatus.FAILED
    assert ready.record.failure == before.failure


class TestRetry:
    def test_a_person_may_have_a_failed_job_tried_again(self, world):
        world.put()
        world.finish(BROKEN)
        assert world.record.status is JobStatus.FAILED

        world.retry()
        world.finish()
        world.finish()

        assert world.record.status is JobStatus.READY
        assert world.record.failure is None

    def test_a_deletion_that_was_given_up_is_tried_again(self, ready):
        ready.remove()
        for _ in range(MAX_ATTEMPTS):
            if ready.record.status is JobStatus.DELETING:
                ready.finish("in use")
        assert ready.record.status is JobStatus.FAILED

        ready.retry()
        ready.finish()

        assert ready.record.status is JobStatus.DELETED

    def test_a_job_that_has_to_wait_remembers_that_it_was_asked(self, paced):
        paced.put()
        paced.finish(THROTTLED)
        assert paced.record.attempts == 1
        paced.rate_limiter.limits[Quota.DELETE] = RateLimit(
            next_reservation_at=paced.clock.now + timedelta(minutes=1)
        )

        paced.retry()

        assert paced.record.attempts == 0
        assert paced.record.failure is None

    @pytest.mark.parametrize("how", ["invalid", "unreadable"])
    def test_a_person_who_asks_gets_the_same_answer_again(self, world, how):
        if how == "unreadable":
            world.unpinnable = "AccessDenied"
        world.put(**{"memory_mb": 1} if how == "invalid" else {})
        before = world.record

        world.reconcile()
        assert world.record == before
        world.retry()

        assert world.record.status is before.status
        assert world.record.errors == before.errors
        assert world.record.version == before.version + 1

    def test_what_is_well_stays_so(self, ready):
        before = len(ready.cloudformation.operations)

        ready.retry()

        assert ready.record.status is JobStatus.READY
        assert ready.record.spec_digest
        assert len(ready.cloudformation.operations) == before


def test_a_flood_of_bad_rows_takes_nothing_from_the_others(paced):
    bad = {f"bad-{number}": {"job_name": f"bad-{number}", "type": "x"} for number in range(300)}
    paced.jobs.rows = bad | {NAME: row()}

    paced.reconcile(*bad, NAME)

    assert paced.record.status is JobStatus.CREATING
    assert paced.stacks.records["bad-299"].status is JobStatus.INVALID
    assert paced.cloudformation.described == 1
    assert paced.queue.sent == []


class TestDrift:
    def detect(self, world, name=NAME):
        return detect_drift(world.ports, name, Random())

    @pytest.mark.parametrize(
        ("found", "status"), [(DriftStatus.DRIFTED, "True"), (DriftStatus.IN_SYNC, "False")]
    )
    def test_what_is_found_is_a_condition(self, ready, found, status):
        ready.cloudformation.drifts = found

        assert self.detect(ready)
        ((name, delay),) = ready.queue.sent
        ready.clock.advance(timedelta(seconds=delay))
        ready.reconcile(name)

        (drifted,) = [c for c in ready.record.conditions if c.type == "Drifted"]
        assert drifted.status == status
        assert ready.record.status is JobStatus.READY
        assert ready.record.drift.status is found

    def test_a_job_that_is_not_well_is_left_alone(self, world):
        world.put()

        assert not self.detect(world)
        assert not self.detect(world, "nobody")

    def test_a_detection_that_runs_already_is_waited_for(self, ready):
        ready.faults.planned = [ConflictError("in progress")]

        assert self.detect(ready)
        assert [name for name, _ in ready.queue.sent] == [NAME]

    def test_too_many_at_once_are_asked_for_later(self, paced):
        paced.put()
        paced.finish()
        before = len(paced.queue.sent)

        started = [self.detect(paced) for _ in range(5)]

        assert started.count(True) == 1
        assert len(paced.queue.sent) == before + 1
        assert len(paced.queue.detections) == 4
        assert all(300 <= delay <= 900 for _, delay in paced.queue.detections)


def has_to_wait(world):
    """Have another job use up the quota under which this one would be created."""
    world.rate_limiter.limits[Quota.CREATE] = RateLimit(
        next_reservation_at=world.clock() + timedelta(minutes=1)
    )
    world.jobs.rows[NAME] = row()


def fails_for_now(world):
    world.put()
    world.cloudformation.finish(STACK, THROTTLED)
    world.clock.advance(timedelta(seconds=10))


def has_runs(world):
    world.put()
    world.finish()
    world.runs.running[NAME] = 1
    del world.jobs.rows[NAME]
    world.clock.advance(timedelta(seconds=10))


REQUEUED = {
    "rate-limited": (has_to_wait, 0, RateLimited),
    "to-be-tried-again": (fails_for_now, 1, Done),
    "runs-are-stopped": (has_runs, 1, Done),
}


class TestTheContract:
    """Who has a job reconciled again, and in which order; see `Reconciler.reconcile`."""

    @pytest.fixture(params=REQUEUED.values(), ids=REQUEUED)
    def requeued(self, request, paced):
        prepare, paced.calls_before, paced.outcome = request.param
        prepare(paced)
        paced.queue.sent.clear()
        return paced

    def test_the_reconciler_requeues_what_has_to_wait_and_says_so(self, requeued):
        result = requeued.reconcile()[NAME]

        assert isinstance(result.outcome, requeued.outcome)
        ((name, delay_seconds),) = requeued.queue.sent
        assert name == NAME
        assert 0 <= delay_seconds - result.requeue_after.total_seconds() < 1
        assert result.to_requeue is None
        assert requeued.record == replace(result.record, version=requeued.record.version)

    @pytest.mark.parametrize("prepare", [has_to_wait, fails_for_now])
    def test_what_waits_already_is_not_requeued_and_says_when_it_comes(self, paced, prepare):
        prepare(paced)
        first = paced.reconcile()[NAME]
        paced.clock.advance(timedelta(milliseconds=100))

        second = paced.reconcile()[NAME]

        assert len(paced.queue.sent) == 1
        passed = first.requeue_after - second.requeue_after
        assert timedelta(0) <= passed <= timedelta(seconds=1)

    def test_the_message_comes_before_the_record(self, requeued):
        before = requeued.stacks.records.get(NAME)
        requeued.faults.planned = [None] * requeued.calls_before + [Crash()]
        with pytest.raises(Crash):
            requeued.reconcile()

        assert [name for name, _ in requeued.queue.sent] == [NAME]
        assert requeued.stacks.records.get(NAME) == before

    @pytest.mark.parametrize(
        "error",
        [TemporaryError("503"), ConflictError("written"), PermanentError("AccessDenied")],
        ids=["unwell", "conflict", "denied"],
    )
    def test_an_error_after_the_message_asks_for_no_other(self, requeued, error):
        requeued.faults.planned = [None] * requeued.calls_before + [error]

        result = requeued.reconcile()[NAME]

        assert result.outcome == Failed(error)
        assert result.requeue_after is not None
        assert result.to_requeue is None
        assert [name for name, _ in requeued.queue.sent] == [NAME]

    def test_an_error_before_it_is_for_the_caller_to_requeue(self, ready):
        error = TemporaryError("503")
        ready.jobs.rows[NAME] = row(memory_mb=256)
        ready.faults.planned = [error]

        result = ready.reconcile()[NAME]

        assert result.to_requeue is error
        assert result.requeue_after is None
        assert ready.queue.sent == []

    def test_what_an_event_will_follow_is_requeued_by_nobody(self, world):
        world.jobs.rows[NAME] = row()

        for result in (world.reconcile()[NAME], world.finish(), world.reconcile()[NAME]):
            assert (result.requeue_after, result.to_requeue) == (None, None)
        assert world.queue.sent == []


class TestDeletionBudget:
    """Two jobs may go at once in this world."""

    NAMES = ("one", "two", "three", "four")

    @pytest.fixture
    def four(self, world):
        for name in self.NAMES:
            world.jobs.rows[name] = row(job_name=name)
        world.reconcile(*self.NAMES)
        for name in self.NAMES:
            world.cloudformation.finish(f"jobs-{name}")
        world.reconcile(*self.NAMES)
        assert set(self.statuses(world)) == {JobStatus.READY}
        return world

    def statuses(self, world):
        return [world.stacks.records[name].status for name in self.NAMES]

    @pytest.fixture
    def emptied(self, four):
        four.jobs.rows.clear()
        four.reconcile(*self.NAMES)
        return four

    def test_what_is_over_it_is_held_and_says_so(self, emptied):
        D, P = JobStatus.DELETING, JobStatus.PENDING  # noqa: N806
        assert self.statuses(emptied) == [D, D, P, P]
        held = emptied.stacks.records["three"]
        assert held.deletion is Deletion.HELD
        ready = held.conditions[0]
        assert (ready.type, ready.status, ready.reason) == ("Ready", "False", "DeletionHeld")
        assert "confirm-deletions" in ready.message

    def test_time_alone_lets_nothing_go(self, emptied):
        operations = list(emptied.cloudformation.operations)
        for _ in range(5):
            emptied.clock.advance(timedelta(hours=1))
            emptied.reconcile("three", "four")

        assert emptied.cloudformation.operations == operations

    def test_what_is_confirmed_goes(self, emptied):
        dict(emptied.reconciler.reconcile(["three"], confirmed=["three", "four"]))

        assert self.statuses(emptied)[2:] == [JobStatus.DELETING, JobStatus.PENDING]
        emptied.cloudformation.finish("jobs-three")
        emptied.reconcile("three")
        assert emptied.stacks.records["three"].status is JobStatus.DELETED
        assert emptied.stacks.records["three"].deletion is None

    def test_a_row_that_is_back_keeps_its_stack(self, emptied):
        emptied.jobs.rows["three"] = row(job_name="three")
        emptied.reconcile("three")

        record = emptied.stacks.records["three"]
        assert (record.status, record.deletion) == (JobStatus.READY, None)
        assert emptied.cloudformation.operations.count(("delete", "jobs-three")) == 0

    def test_a_confirmation_is_of_that_removal_only(self, emptied):
        emptied.jobs.rows["three"] = row(job_name="three")
        dict(emptied.reconciler.reconcile(["three"], confirmed=["three"]))
        del emptied.jobs.rows["three"]
        emptied.reconcile("three")

        assert emptied.stacks.records["three"].deletion is Deletion.HELD

    def test_a_deletion_that_failed_is_tried_again(self, emptied):
        emptied.clock.advance(timedelta(hours=1))
        emptied.deletion_budget.known = replace(
            emptied.deletion_budget.known, begun=dict.fromkeys("ab", emptied.clock())
        )
        emptied.cloudformation.finish("jobs-one", "in use")
        emptied.reconcile("one")

        assert emptied.stacks.records["one"].status is JobStatus.DELETING

    def test_stacks_that_never_came_up_do_not_count(self, world):
        for name in self.NAMES:
            world.jobs.rows[name] = row(job_name=name)
        world.reconcile(*self.NAMES)
        for name in self.NAMES:
            world.cloudformation.finish(f"jobs-{name}", BROKEN)
        world.jobs.rows.clear()
        world.reconcile(*self.NAMES)

        assert set(self.statuses(world)) == {JobStatus.DELETING}


class TestRunsOfARemovedJob:
    """Removing a row is its author's word that the job ends."""

    @pytest.fixture
    def running(self, ready):
        ready.runs.running[NAME] = 2
        ready.queue.sent.clear()
        return ready

    def deleted(self, world):
        return ("delete", STACK) in world.cloudformation.operations

    def test_are_stopped_before_the_stack_goes(self, running):
        running.remove()

        assert running.runs.stopped == [(NAME, "Its job's row was removed")] * 2
        assert not self.deleted(running)
        assert running.record.status is JobStatus.DELETING
        assert running.queue.sent == [(NAME, 60)]

        running.clock.advance(timedelta(seconds=60))
        running.reconcile()
        assert self.deleted(running)
        running.finish()
        assert running.record.status is JobStatus.DELETED

    def test_that_start_in_the_meantime_are_stopped_and_not_waited_for(self, running):
        running.remove()
        running.runs.running[NAME] = 1
        running.reconcile()

        assert len(running.runs.stopped) == 3
        assert self.deleted(running)

    def test_need_no_time_when_there_are_none(self, ready):
        ready.remove()

        assert self.deleted(ready)

    @pytest.mark.parametrize(
        "change",
        [{"deletion_policy": "retain"}, {"paused": True}, {"memory_mb": 1}],
        ids=["retained", "paused", "invalid"],
    )
    def test_are_left_alone_while_the_stack_stays(self, running, change):
        running.put(**change)
        if "deletion_policy" in change:
            running.finish()
            running.remove()

        assert running.runs.stopped == []

    def test_continue_when_the_deletion_is_held(self, running):
        running.deletion_budget.known = Deletions(dict.fromkeys("ab", running.clock()))
        running.remove()

        assert running.record.deletion is Deletion.HELD
        assert running.runs.stopped == []

    def test_that_may_not_be_stopped_are_reported(self, running):
        class Forbidden:
            def stop_running(self, *_):
                raise PermanentError("AccessDeniedException: states:ListExecutions")

        ports = replace(running.ports, runs=Forbidden())
        running.reconciler = Reconciler(ports, PLATFORM, running.clock, Random())
        running.remove()

        assert running.record.status is JobStatus.FAILED
        assert "states:ListExecutions" in running.record.failure.reason


class TestDeletedByHand:
    """Drift detection has found that a resource is gone."""

    @pytest.fixture
    def gone(self, ready):
        ready.cloudformation.drifts = DriftStatus.DRIFTED
        ready.cloudformation.missing = ("StateMachine",)
        detect_drift(ready.ports, NAME, Random())
        ready.reconcile()
        return ready

    def resources(self, world):
        return set(json.loads(world.cloudformation.templates[STACK])["Resources"])

    def test_the_job_is_failed_and_says_what_is_gone(self, gone):
        assert gone.record.status is JobStatus.FAILED
        assert gone.record.failure.resource == "StateMachine"
        assert "Deleted by hand: StateMachine" in gone.record.failure.reason
        drifted = {c.type: c for c in gone.record.conditions}["Drifted"]
        assert (drifted.status, drifted.reason) == ("True", "ResourcesDeleted")

    def test_reconciling_again_does_nothing(self, gone):
        before, operations = gone.record, list(gone.cloudformation.operations)
        gone.reconcile()

        assert gone.record == before
        assert gone.cloudformation.operations == operations

    @pytest.mark.parametrize("how", ["retry", "edit"])
    def test_it_is_made_again_when_somebody_asks(self, gone, how):
        if how == "retry":
            gone.retry()
        else:
            gone.put(memory_mb=256)

        assert "StateMachine" not in self.resources(gone)
        assert {"Function", "LogGroup"} <= self.resources(gone)
        gone.finish()
        assert gone.record.status is JobStatus.UPDATING
        assert "StateMachine" in self.resources(gone)
        gone.finish()
        assert gone.record.status is JobStatus.READY
        assert gone.record.in_sync

    def test_a_stack_that_is_deleted_as_a_whole_is_made_again(self, gone):
        del gone.cloudformation.stacks[STACK]
        gone.reconcile()

        assert gone.record.status is JobStatus.CREATING

    def test_what_fails_on_the_way_is_not_tried_forever(self, gone):
        gone.retry()
        gone.finish(BROKEN)
        detect_drift(gone.ports, NAME, Random())
        for _ in range(5):
            gone.reconcile()
            if gone.cloudformation.running():
                gone.finish(BROKEN)

        assert len(gone.cloudformation.operations) <= 4
