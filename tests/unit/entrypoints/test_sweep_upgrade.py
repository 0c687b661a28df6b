"""200 jobs at one release, another whose templates differ, and the functions between them."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from provisioner.entrypoints import sweep_upgrade
from provisioner.entrypoints.metrics import Count
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import TemporaryError
from provisioner.stacks.model import JobStatus
from provisioner.stacks.ports import Ports
from provisioner.stacks.reconcile import Reconciler
from provisioner.stacks.upgrade import Upgrade, UpgradeProgress, UpgradeStatus, abort, resume
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
    FakeStacks,
    FakeUpgrades,
    UnlimitedRateLimiter,
)
from tests.support.functions import Unavailable, having
from tests.support.platforms import PLATFORM, SETTINGS

A, B = "templates-a", "templates-b"
ROW = {"type": "lambda", "runtime": "python3.13", "handler": "a.b", "bundle": "s3://bundles/a.zip"}


class NoFailedRuns:
    def since(self, moment):
        del moment
        return []


class Counted:
    def __init__(self):
        self.counts = {}

    def count(self, what, times=1):
        self.counts[what] = self.counts.get(what, 0) + times


class KeptAudit:
    """The audit: its entries as they were last written, oldest first."""

    def __init__(self):
        self.entries = {}

    def write(self, entry):
        self.entries[entry.entry_id] = entry

    def lines(self):
        known = self.entries.values()
        assert {(each.by, each.via, each.proven) for each in known} <= {
            ("provisioner", "upgrade", True)
        }
        return [(each.action, each.detail, each.outcome.value) for each in known]


class World:
    def __init__(self, clock, jobs, stacks, cloudformation):
        self.clock, self.jobs, self.stacks = clock, jobs, stacks
        self.cloudformation, self.queue = cloudformation, FakeQueue()
        self.upgrades, self.metrics, self.broken = FakeUpgrades(), Counted(), set()
        self.audit = KeptAudit()
        self.release(A)

    def release(self, version):
        ports = Ports(
            self.jobs,
            self.stacks,
            self.cloudformation,
            self.queue,
            UnlimitedRateLimiter(self.clock),
            lambda job: job,
            FakeDependants(),
            FakeArtifactIndex(),
            FakeDeletionBudget(self.clock),
            FakeJobRuns(),
            FakePauses(),
            lambda *_: "{}",
            version,
            FakeBuilds(),
        )
        chance = random.Random(1)
        self.reconciler = Reconciler(ports, PLATFORM, self.clock, chance)
        self.runtime = having(
            Runtime(SETTINGS, clock=self.clock, chance=chance),
            stacks=self.stacks,
            reconcile_queue=self.queue,
            upgrades=self.upgrades,
            failed_runs=NoFailedRuns(),
            template_version=version,
            metrics=self.metrics,
            service=lambda _, caller: SimpleNamespace(
                has_audit=True, caller=caller, clock=self.clock, audit=self.audit, because=None
            ),
        )

    def settle(self):
        while self.queue.sent or self.cloudformation.running():
            names = {name for name, _ in self.queue.sent}
            self.queue.sent.clear()
            for stack in self.cloudformation.running():
                name = stack.removeprefix("jobs-")
                self.cloudformation.finish(stack, "no such role" if name in self.broken else None)
                names.add(name)
            for _ in self.reconciler.reconcile(sorted(names)):
                pass

    def start(self):
        begun = Upgrade("upgrade-1", (5, 25, 100), timedelta(minutes=10), 1, "anna", self.clock())
        self.upgrades.save(begun)

    def proceed(self, times=1):
        for _ in range(times):
            sweep_upgrade.advance(self.runtime, self.clock())
            self.settle()
            self.clock.advance(timedelta(minutes=6))

    def of_version(self, version):
        records = self.stacks.records.items()
        return {name for name, each in records if each.template_version == version}

    @property
    def upgrade(self):
        return self.upgrades.kept


@pytest.fixture(scope="module")
def at_one_release():
    """What a world of 200 jobs holds when all are ready."""
    clock, jobs = FakeClock(), FakeJobs()
    jobs.rows = {name: {"job_name": name, **ROW} for name in (f"job-{n:03}" for n in range(200))}
    parts = clock, jobs, FakeStacks(), FakeCloudFormation(clock)
    world = World(*parts)
    world.queue.send_many(dict.fromkeys(jobs.rows, 0))
    world.settle()
    assert len(world.of_version(A)) == 200
    return parts


@pytest.fixture
def broken(at_one_release):
    """200 jobs, the 30th of whose upgrade cannot be updated: that is in the second wave."""
    world = World(*deepcopy(at_one_release))
    world.release(B)
    world.start()
    world.proceed()
    assert len(world.of_version(B)) == 10
    world.proceed()
    sweep_upgrade.advance(world.runtime, world.clock())
    world.broken = {world.queue.sent[20][0]}
    world.settle()
    return world


def test_a_failure_in_the_second_wave_stops_it_with_the_reason(broken):
    [name] = broken.broken

    broken.proceed(9)

    assert broken.upgrade.status is UpgradeStatus.PAUSED
    assert broken.upgrade.reason == f"The stack of {name} failed: no such role"
    assert broken.upgrade.progress == (UpgradeProgress(10, 10), UpgradeProgress(40, 39, failed=1))
    record = broken.stacks.records[name]
    assert (record.status, record.template_version) == (JobStatus.FAILED, A)
    assert broken.metrics.counts[Count.UPGRADES_PAUSED] == 9
    assert broken.cloudformation.operations.count(("update", f"jobs-{name}")) == 1  # no hot loop


def test_the_audit_has_its_waves_and_why_it_was_paused(broken):
    broken.proceed()
    [name] = broken.broken
    broken.upgrades.save(resume(broken.upgrade))
    broken.proceed(9)

    wave = "upgrade-1: wave {}".format
    assert broken.audit.lines() == [
        ("begin_wave", wave("1 of 3, 5%"), "done"),
        ("end_wave", wave("1 of 3, 5%: 10 upgraded, 0 failed, 0 skipped"), "done"),
        ("begin_wave", wave("2 of 3, 25%"), "done"),
        ("pause_upgrade", f"upgrade-1: The stack of {name} failed: no such role", "done"),
        ("end_wave", wave("2 of 3, 25%: 39 upgraded, 1 failed, 0 skipped"), "done"),
        ("begin_wave", wave("3 of 3, 100%"), "done"),
        ("end_wave", wave("3 of 3, 100%: 150 upgraded, 0 failed, 0 skipped"), "done"),
        ("finish_upgrade", "upgrade-1", "done"),
    ]


def test_without_the_audit_nothing_is_done(broken):
    broken.audit.write = Unavailable().write
    before = broken.upgrades.kept

    with pytest.raises(TemporaryError):
        broken.proceed()

    assert broken.upgrades.kept == before


def test_resumed_all_others_are_upgraded(broken):
    broken.proceed()

    broken.upgrades.save(resume(broken.upgrade))
    broken.proceed(9)

    assert broken.upgrade.status is UpgradeStatus.SUCCEEDED
    assert broken.of_version(A) == broken.broken


def test_aborted_all_are_ready_with_what_they_have(broken):
    broken.proceed()

    broken.upgrades.save(abort(broken.upgrade, "not now"))
    broken.proceed(3)

    assert broken.upgrade.ended_at is not None
    assert len(broken.of_version(B)) == 49
    records = broken.stacks.records.values()
    assert {each.status for each in records} == {JobStatus.READY}
    assert not any(each.upgrade and not each.upgrade.ended_at for each in records)


def test_who_comes_second_does_nothing(broken):
    before = broken.upgrades.kept
    stale = having(broken.runtime, upgrades=Stale(broken.upgrades))

    assert sweep_upgrade.advance(stale, broken.clock()) == 0

    assert broken.audit.lines()[-1][2] == "failed"
    assert broken.upgrades.kept == before


class Stale(FakeUpgrades):
    """Gives an upgrade as it was before somebody else wrote it."""

    def __init__(self, upgrades):
        super().__init__()
        self.kept = upgrades.kept

    def get(self):
        return replace(self.kept, version=self.kept.version - 1)
