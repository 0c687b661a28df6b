"""The steps of an upgrade: single ones, and any story of jobs, crashes and lost messages."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from provisioner.errors import InvalidRequestError
from provisioner.stacks.model import Deletion, Failure, JobStatus, StackRecord, UpgradeMark
from provisioner.stacks.upgrade import (
    FailedRun,
    FailureKind,
    Upgrade,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
    abort,
    is_outdated,
    new_id,
    pause,
    resume,
    waves_of,
)
from provisioner.stacks.upgrade_progress import KEPT_FAILURES, blamed
from provisioner.stacks.upgrade_steps import MOST_AT_ONCE, QUEUED_AGAIN_AFTER, mark_of, step
from tests.support.drawn import examples

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
A, B, C = "templates-a", "templates-b", "templates-c"
SOAK = timedelta(minutes=10)
BEGUN = Upgrade("upgrade-1", (5, 25, 100), SOAK, 1, "anna", NOW)


def job(number, **more):
    values = {"status": JobStatus.READY, "deployed_digest": "d", "template_version": A, **more}
    return StackRecord(f"job-{number:03}", **values)


def fleet(count):
    return {each.job_name: each for each in map(job, range(count))}


def mark(wave=0, **more):
    return UpgradeMark("upgrade-1", B, wave, NOW, **more)


def upgraded(record, at, upgrade=None):
    return replace(
        record,
        status=JobStatus.READY,
        template_version=B,
        upgrade=replace(upgrade or record.upgrade, ended_at=at),
        failure=None,
    )


class Fleet:
    """Jobs, and an upgrade that is taken on until it needs a person or time."""

    def __init__(self, count, upgrade=BEGUN):
        self.jobs, self.upgrade, self.now = fleet(count), upgrade, NOW
        self.runs, self.breaks = [], set()

    def step(self):
        found = step(self.upgrade, self.jobs.values(), self.runs, B, self.now)
        self.upgrade = found.upgrade
        for each in found.mark:
            self.jobs[each.job_name] = replace(each, upgrade=mark_of(self.upgrade, self.now))
        for each in found.unmark:
            ready = replace(each, upgrade=None, status=JobStatus.READY, failure=None)
            self.jobs[each.job_name] = ready
        return found

    def reconcile(self):
        for name, each in self.jobs.items():
            if each.upgrade and not each.upgrade.ended_at and each.status is JobStatus.READY:
                self.jobs[name] = self.broken(each) if name in self.breaks else self.done(each)

    def done(self, each):
        return upgraded(each, self.now)

    def broken(self, each):
        return replace(each, status=JobStatus.FAILED, failure=Failure("no such role", self.now))

    def proceed(self, times=1, minutes=5):
        for _ in range(times):
            self.step()
            self.reconcile()
            self.now += timedelta(minutes=minutes)

    def of_version(self, version):
        return {name for name, each in self.jobs.items() if each.template_version == version}

    def chosen(self):
        return {name for name, each in self.jobs.items() if each.upgrade}


def test_waves_grow_one_after_the_other_with_a_soak_time_between():
    world, sizes = Fleet(200), []

    for _ in range(14):
        world.proceed()
        sizes.append(len(world.of_version(B)))

    assert sizes == [10] * 2 + [50] * 2 + [200] * 10
    assert world.upgrade.status is UpgradeStatus.SUCCEEDED
    assert (world.upgrade.to, world.upgrade.total) == (B, 200)
    assert world.upgrade.progress == (
        UpgradeProgress(10, 10),
        UpgradeProgress(40, 40),
        UpgradeProgress(150, 150),
    )
    assert not world.upgrade.is_due


def test_the_same_jobs_come_first_again_and_other_upgrades_choose_others():
    firsts = []
    for upgrade in (BEGUN, BEGUN, replace(BEGUN, id="upgrade-2")):
        world = Fleet(200, upgrade)
        world.step()
        firsts.append(world.chosen())

    assert firsts[0] == firsts[1] != firsts[2]


def test_few_jobs_still_have_a_first_wave():
    world = Fleet(3)

    world.step()

    assert len(world.chosen()) == 1


def test_without_an_outdated_job_it_is_over_at_once():
    world = Fleet(0)
    world.jobs = {"new": job(1, template_version=B)}

    world.step()

    assert (world.upgrade.status, world.chosen()) == (UpgradeStatus.SUCCEEDED, set())
    assert world.upgrade.ended_at == NOW


def test_no_more_jobs_are_updated_at_once_than_there_is_room_for():
    world = Fleet(1000, replace(BEGUN, waves=(100,)))

    world.step()
    assert len(world.chosen()) == MOST_AT_ONCE
    world.step()
    assert len(world.chosen()) == MOST_AT_ONCE
    world.reconcile()
    world.step()
    assert len(world.chosen()) == 2 * MOST_AT_ONCE


class TestFailures:
    def second_wave_breaks(self):
        world = Fleet(200)
        world.proceed(2)
        world.step()
        second = sorted(n for n, e in world.jobs.items() if e.upgrade and e.upgrade.wave == 1)
        world.breaks = {second[0]}
        world.reconcile()
        world.now += timedelta(minutes=5)
        return world, second[0]

    def test_a_failed_stack_stops_it_with_the_reason(self):
        world, broken = self.second_wave_breaks()

        world.proceed(20)

        assert world.upgrade.status is UpgradeStatus.PAUSED
        assert world.upgrade.reason == f"The stack of {broken} failed: no such role"
        assert len(world.chosen()) == 50
        assert world.upgrade.progress[1] == UpgradeProgress(40, 39, failed=1)
        assert not world.upgrade.is_due

    def test_resumed_it_continues_without_that_job(self):
        world, broken = self.second_wave_breaks()
        world.step()

        world.upgrade = resume(world.upgrade)
        world.proceed(20)

        assert world.upgrade.status is UpgradeStatus.SUCCEEDED
        assert world.of_version(A) == {broken}
        [failure] = world.upgrade.failures
        assert (failure.job_name, failure.kind, failure.accepted) == (
            broken,
            FailureKind.STACK,
            True,
        )

    @pytest.mark.parametrize(
        ("again", "noted_at", "status"),
        [
            pytest.param(timedelta(minutes=1), ..., UpgradeStatus.PAUSED, id="it failed again"),
            pytest.param(timedelta(), ..., UpgradeStatus.RUNNING, id="the same failure"),
            pytest.param(
                timedelta(minutes=1), None, UpgradeStatus.RUNNING, id="noted by an earlier release"
            ),
        ],
    )
    def test_a_failure_that_was_accepted_does_not_count_again(self, again, noted_at, status):
        """No step has seen the stack between its two failures."""
        world, broken = self.second_wave_breaks()
        world.step()
        [failure] = world.upgrade.failures
        if noted_at is None:
            world.upgrade = replace(world.upgrade, failures=(replace(failure, at=None),))

        world.upgrade = resume(world.upgrade)
        at = world.jobs[broken].failure.at + again
        world.jobs[broken] = replace(world.jobs[broken], failure=Failure("no quota", at))
        world.step()

        assert world.upgrade.status is status
        [failure] = world.upgrade.failures
        was_new = status is UpgradeStatus.PAUSED
        assert failure.accepted is not was_new
        assert failure.reason == ("no quota" if was_new else "no such role")

    def test_what_was_repaired_is_no_longer_a_failure(self):
        world, broken = self.second_wave_breaks()
        world.step()

        world.breaks = set()
        world.jobs[broken] = upgraded(world.jobs[broken], world.now)
        world.upgrade = resume(world.upgrade)
        world.proceed(20)

        assert world.upgrade.status is UpgradeStatus.SUCCEEDED
        assert (world.of_version(A), world.upgrade.failures) == (set(), ())

    def test_aborted_it_leaves_the_others_as_they_are(self):
        world, broken = self.second_wave_breaks()
        world.step()
        before = world.of_version(B)

        world.upgrade = abort(world.upgrade, "no time")
        world.proceed(3)

        assert (world.upgrade.status, world.upgrade.reason) == (UpgradeStatus.ABORTED, "no time")
        assert world.upgrade.ended_at is not None
        assert world.of_version(B) == before
        assert world.jobs[broken].upgrade is None

    def test_some_failures_are_borne_when_so_many_are_allowed(self):
        world = Fleet(200, replace(BEGUN, pause_on_failures=3))
        world.step()
        world.breaks = set(sorted(world.chosen())[:2])

        world.proceed(20)

        assert world.upgrade.status is UpgradeStatus.SUCCEEDED
        assert world.of_version(A) == world.breaks

    @pytest.mark.parametrize(
        ("minutes", "status"),
        [
            (-1, UpgradeStatus.RUNNING),
            (0, UpgradeStatus.PAUSED),
            (10, UpgradeStatus.PAUSED),
            (11, UpgradeStatus.RUNNING),
        ],
        ids=["before the update", "after it", "at the end of the soak time", "after that"],
    )
    def test_a_run_counts_that_began_after_the_update_and_within_the_soak_time(
        self, minutes, status
    ):
        world = Fleet(200)
        world.proceed()
        name = min(world.chosen())
        ended = world.jobs[name].upgrade.ended_at

        world.runs = [FailedRun(name, ended + timedelta(minutes=minutes), "exit code 3")]
        world.step()

        assert world.upgrade.status is status
        if status is UpgradeStatus.PAUSED:
            assert world.upgrade.reason == f"The run of {name} failed: exit code 3"

    def test_a_run_of_a_job_that_was_not_updated_does_not_count(self):
        world = Fleet(200)
        world.proceed()
        other = min(world.jobs.keys() - world.chosen())

        world.runs = [FailedRun(other, world.now, "exit code 3")]
        world.step()

        assert world.upgrade.status is UpgradeStatus.RUNNING

    def test_a_run_that_failed_is_remembered_and_counts_once(self):
        world = Fleet(200)
        world.proceed()
        name = min(world.chosen())
        failed = [FailedRun(name, world.jobs[name].upgrade.ended_at, "exit code 3")]
        world.runs = failed
        world.step()
        world.upgrade = resume(world.upgrade)

        for world.runs in (failed, [], failed):
            world.step()

        assert world.upgrade.status is UpgradeStatus.RUNNING
        [failure] = world.upgrade.failures
        assert (failure.job_name, failure.kind, failure.accepted) == (name, FailureKind.RUN, True)

    def test_a_run_counts_for_the_upgrade_that_updated_its_job(self):
        mine = replace(mark(), ended_at=NOW)
        jobs = [job(0, upgrade=mine), job(1, upgrade=replace(mine, id="upgrade-0")), job(2)]
        runs = [FailedRun(each.job_name, NOW, "exit code 3") for each in jobs]

        assert blamed(BEGUN, jobs, runs) == runs[:1]

    def test_what_fails_once_it_is_updated_is_not_a_failure_of_the_upgrade(self):
        world = Fleet(200)
        world.proceed()
        name = min(world.chosen())
        world.jobs[name] = world.broken(world.jobs[name])

        world.step()

        assert (world.upgrade.status, world.upgrade.failures) == (UpgradeStatus.RUNNING, ())

    def test_the_reason_says_how_many_more_failed(self):
        world = Fleet(200, replace(BEGUN, pause_on_failures=2))
        world.step()
        world.breaks = set(sorted(world.chosen())[:3])

        world.proceed(2)

        first = min(world.breaks)
        assert world.upgrade.reason == f"The stack of {first} failed: no such role (2 more)"

    def test_when_as_many_failed_as_can_be_kept_it_stays_paused(self):
        world = Fleet(700, replace(BEGUN, waves=(100,), pause_on_failures=100))
        world.breaks = set(world.jobs)

        for _ in range(20):
            if world.upgrade.status is UpgradeStatus.PAUSED:
                world.upgrade = resume(world.upgrade)
            world.proceed()

        assert len(world.upgrade.failures) == KEPT_FAILURES
        assert world.upgrade.status is UpgradeStatus.PAUSED


FORMER = UpgradeMark("upgrade-0", A, 0, NOW - timedelta(days=1), ended_at=NOW)


@pytest.mark.parametrize(
    ("marked", "chosen"),
    [(None, True), (FORMER, True), (mark(), False), (mark(ended_at=NOW), False)],
    ids=["never", "by another upgrade", "by this one", "and updated"],
)
def test_each_job_is_chosen_once(marked, chosen):
    only = job(0, upgrade=marked)

    found = step(replace(BEGUN, waves=(100,)), [only], [], B, NOW)

    assert found.mark == ((only,) if chosen else ())


@pytest.mark.parametrize(
    ("changes", "queued"),
    [
        ({"upgrade": mark()}, True),
        ({"upgrade": replace(mark(), at=NOW + timedelta(seconds=1))}, False),
        ({"upgrade": mark(ended_at=NOW)}, False),
        ({"upgrade": mark(), "status": JobStatus.UPDATING}, False),
        ({"upgrade": replace(mark(), id="upgrade-0")}, False),
    ],
    ids=["lost", "a second too early", "updated", "being updated", "of another upgrade"],
)
def test_a_job_is_queued_again_when_its_message_is_lost(changes, queued):
    found = step(BEGUN, [job(0, **changes)], [], B, NOW + QUEUED_AGAIN_AFTER)

    assert found.queue == (("job-000",) if queued else ())


def test_aborted_it_takes_marks_only_from_what_was_not_updated():
    jobs = [job(0, upgrade=mark()), job(1, upgrade=mark(ended_at=NOW)), job(2, upgrade=FORMER)]

    found = step(replace(abort(BEGUN, "no time"), to=B), jobs, [], C, NOW)

    assert found.unmark == (jobs[0],)
    assert found.upgrade.reason == "no time"


def test_only_the_last_wave_waits_for_operations_that_are_not_its_own():
    world = Fleet(200)
    world.jobs["job-200"] = job(200, status=JobStatus.UPDATING)

    world.proceed(20)

    assert len(world.of_version(B)) == 200
    assert world.upgrade.status is UpgradeStatus.RUNNING
    world.jobs["job-200"] = job(200)
    world.proceed(5)
    assert len(world.of_version(B)) == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"status": JobStatus.PAUSED},
        {"status": JobStatus.INVALID},
        {"status": JobStatus.FAILED},
        {"status": JobStatus.RETAINED},
        {"status": JobStatus.DELETED, "deployed_digest": None, "template_version": None},
        {"template_version": B},
    ],
    ids=["paused", "invalid", "failed", "retained", "deleted", "of this release"],
)
def test_what_is_not_chosen(changes):
    world = Fleet(0, replace(BEGUN, waves=(100,)))
    world.jobs = {"job-000": job(0, **changes)}

    world.proceed(4)

    assert (world.upgrade.status, world.chosen()) == (UpgradeStatus.SUCCEEDED, set())


def test_a_stack_of_an_earlier_release_that_does_not_say_is_outdated():
    world = Fleet(0, replace(BEGUN, waves=(100,)))
    world.jobs = {"job-000": job(0, template_version=None)}

    world.proceed(4)

    assert world.of_version(B) == {"job-000"}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": JobStatus.PAUSED},
        {"status": JobStatus.INVALID},
        {"status": JobStatus.DELETED},
        {"status": JobStatus.PENDING, "deletion": Deletion.HELD},
    ],
    ids=["paused", "invalid", "deleted", "its deletion held"],
)
def test_a_job_that_drops_out_holds_up_no_wave(changes):
    world = Fleet(1, replace(BEGUN, waves=(100,)))
    world.step()

    world.jobs["job-000"] = replace(world.jobs["job-000"], **changes)
    world.proceed(4)

    assert world.upgrade.status is UpgradeStatus.SUCCEEDED
    assert world.upgrade.progress == (UpgradeProgress(1, skipped=1),)


def test_a_wave_waits_for_a_job_that_is_tried_again():
    world = Fleet(1, replace(BEGUN, waves=(100,)))
    world.step()

    world.jobs["job-000"] = replace(world.jobs["job-000"], status=JobStatus.RETRYING)
    world.proceed(9)

    assert world.upgrade.status is UpgradeStatus.RUNNING


@pytest.mark.parametrize("status", [JobStatus.CREATING, JobStatus.UPDATING])
def test_the_last_wave_waits_for_operations_of_the_release_before(status):
    world = Fleet(0, replace(BEGUN, waves=(100,)))
    world.jobs = {"job-000": job(0, status=status)}
    world.proceed(4)
    assert world.upgrade.status is UpgradeStatus.RUNNING

    world.jobs["job-000"] = job(0)
    world.proceed(4)

    assert (world.upgrade.status, world.of_version(B)) == (UpgradeStatus.SUCCEEDED, {"job-000"})


def test_a_job_whose_message_was_lost_is_queued_again():
    world = Fleet(1, replace(BEGUN, waves=(100,)))
    world.step()

    assert world.step().queue == ()
    world.now += QUEUED_AGAIN_AFTER
    assert world.step().queue == ("job-000",)


def test_another_release_ends_it():
    world = Fleet(200)
    world.step()

    found = step(world.upgrade, world.jobs.values(), [], C, world.now)

    assert found.upgrade.status is UpgradeStatus.ABORTED
    assert found.upgrade.reason == "This release has other templates, templates-c: upgrade again."
    assert {each.job_name for each in found.unmark} == world.chosen()


@pytest.mark.parametrize(
    "percents",
    [(), (50,), (0, 100), (25, 25, 100), (50, 25, 100), (5, 100, 101), tuple(range(89, 101))],
    ids=repr,
)
def test_waves_that_are_not_valid(percents):
    with pytest.raises(InvalidRequestError, match=r"the waves .* are not valid: each is a share"):
        waves_of(percents)


def test_waves_that_are_not_valid_are_shown():
    with pytest.raises(InvalidRequestError, match="the waves 50%, 25% are not valid"):
        waves_of([50, 25])


@pytest.mark.parametrize(
    "percents", [(100,), (1, 100), (5, 25, 100), tuple(range(91, 101))], ids=repr
)
def test_waves_that_are_valid(percents):
    assert waves_of([*percents]) == percents


def test_a_new_upgrade_is_in_its_first_wave_and_has_done_nothing():
    upgrade = BEGUN

    assert (upgrade.status, upgrade.wave, upgrade.total) == (UpgradeStatus.RUNNING, 0, 0)
    assert (upgrade.reason, upgrade.version, upgrade.is_due) == ("", 0, True)


MOVING = (UpgradeProgress(chosen=2, upgraded=1, in_progress=1), UpgradeProgress())
AT_REST = (UpgradeProgress(chosen=2, upgraded=1, failed=1),)


DUE = {
    "running": ({}, True),
    "running, nothing in progress": ({"progress": AT_REST}, True),
    "paused": ({"status": UpgradeStatus.PAUSED, "progress": AT_REST}, False),
    "paused, stacks are updated": ({"status": UpgradeStatus.PAUSED, "progress": MOVING}, True),
    "aborted, marks are left": ({"status": UpgradeStatus.ABORTED}, True),
    "ended": ({"status": UpgradeStatus.SUCCEEDED, "ended_at": NOW}, False),
    "ended, stacks are updated": ({"ended_at": NOW, "progress": MOVING}, False),
}


@pytest.mark.parametrize(("changes", "is_due"), DUE.values(), ids=DUE)
def test_a_step_is_due_while_it_can_change_anything(changes, is_due):
    assert replace(BEGUN, **changes).is_due is is_due


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (job(0), True),
        (job(0, template_version=None), True),
        (job(0, template_version=B), False),
        (job(0, deployed_digest=None), False),
        (job(0, deployed_digest=None, template_version=None), False),
    ],
    ids=["other templates", "does not say", "these templates", "no stack", "never deployed"],
)
def test_a_stack_of_other_templates_is_outdated(record, expected):
    assert is_outdated(record, B) is expected


def test_resumed_it_has_no_reason_and_bears_what_has_failed():
    failures = tuple(UpgradeFailure(name, FailureKind.STACK, "why") for name in ("a", "b"))
    paused = pause(replace(BEGUN, failures=failures), "The stack of a failed: why")

    resumed = resume(paused)

    assert (paused.status, paused.reason) == (UpgradeStatus.PAUSED, "The stack of a failed: why")
    assert (resumed.status, resumed.reason) == (UpgradeStatus.RUNNING, "")
    assert [each.accepted for each in resumed.failures] == [True, True]


def test_ids_say_when_it_began():
    assert new_id(NOW, random.Random(1)).startswith("20261126T090000Z-")


class AnyUpgrade(RuleBasedStateMachine):
    """Jobs are edited, paused, deleted and broken while steps are repeated, cut off and lost."""

    def __init__(self):
        super().__init__()
        self.world = Fleet(12, replace(BEGUN, waves=(10, 50, 100)))
        self.made = 12
        self.aborted_at = None

    def names(self, data, names):
        return data.draw(st.sampled_from(sorted(names)))

    @rule(data=st.data(), share=st.floats(0, 1))
    def take_a_step_that_may_be_cut_off(self, data, share):
        del data
        world = self.world
        found = step(world.upgrade, world.jobs.values(), world.runs, B, world.now)
        world.upgrade = found.upgrade
        for each in found.mark[: round(len(found.mark) * share)]:
            world.jobs[each.job_name] = replace(each, upgrade=mark_of(world.upgrade, world.now))
        for each in found.unmark[: round(len(found.unmark) * share)]:
            ready = replace(each, upgrade=None, status=JobStatus.READY, failure=None)
            world.jobs[each.job_name] = ready

    @rule()
    def reconcile(self):
        self.world.reconcile()

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes):
        self.world.now += timedelta(minutes=minutes)

    @rule(data=st.data())
    def break_a_job(self, data):
        self.world.breaks.add(self.names(data, self.world.jobs))

    @rule(data=st.data())
    def repair_a_job(self, data):
        name = self.names(data, self.world.jobs)
        self.world.breaks.discard(name)
        each = self.world.jobs[name]
        if each.status is JobStatus.FAILED and each.upgrade and not each.upgrade.ended_at:
            self.world.jobs[name] = self.world.done(each)

    @rule(data=st.data(), status=st.sampled_from([JobStatus.PAUSED, JobStatus.INVALID]))
    def put_a_job_aside(self, data, status):
        name = self.names(data, self.world.jobs)
        self.world.jobs[name] = replace(self.world.jobs[name], status=status)

    @rule(data=st.data())
    def edit_a_row(self, data):
        """It is deployed with the templates of this release."""
        name = self.names(data, self.world.jobs)
        each = self.world.jobs[name]
        edited = replace(each, template_version=B, status=JobStatus.READY, failure=None)
        is_open = each.upgrade and not each.upgrade.ended_at
        self.world.jobs[name] = upgraded(edited, self.world.now) if is_open else edited

    @rule()
    def add_a_job(self):
        self.made += 1
        self.world.jobs[f"job-{self.made:03}"] = job(self.made, template_version=B)

    @rule(data=st.data())
    def let_a_run_fail(self, data):
        name = self.names(data, self.world.jobs)
        self.world.runs.append(FailedRun(name, self.world.now, "exit code 1"))

    @precondition(lambda self: self.world.upgrade.status is UpgradeStatus.PAUSED)
    @rule()
    def resume(self):
        self.world.upgrade = resume(self.world.upgrade)

    @precondition(lambda self: self.world.upgrade.ended_at is None)
    @rule(really=st.integers(0, 9))
    def abort(self, really):
        if not really:
            self.world.upgrade = abort(self.world.upgrade, "enough")

    @invariant()
    def no_wave_takes_more_than_its_share(self):
        upgrade = self.world.upgrade
        if upgrade.wave < len(upgrade.waves) - 1:
            most = -(-upgrade.total * upgrade.waves[upgrade.wave] // 100)
            assert len(self.world.chosen()) <= most

    @invariant()
    def jobs_are_updated_only_when_chosen_or_edited(self):
        for each in self.world.jobs.values():
            if each.upgrade and each.upgrade.ended_at:
                assert each.template_version == B

    def teardown(self):
        """Whatever has happened, it comes to its end when a person resumes it each time."""
        world = self.world
        world.breaks = set()
        for _ in range(40):
            if world.upgrade.status is UpgradeStatus.PAUSED:
                world.upgrade = resume(world.upgrade)
            world.proceed()
        assert world.upgrade.ended_at is not None
        waiting = {n for n, e in world.jobs.items() if e.upgrade and not e.upgrade.ended_at}
        outdated = {
            n
            for n, e in world.jobs.items()
            if e.status is JobStatus.READY and e.template_version != B
        }
        if world.upgrade.status is UpgradeStatus.ABORTED:
            assert not waiting
        else:
            assert not outdated


TestAnyUpgrade = AnyUpgrade.TestCase
TestAnyUpgrade.settings = settings(max_examples=examples(90), stateful_step_count=40, deadline=None)
