"""200 jobs of one release, another whose templates differ, and the upgrade between the two."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from provisioner.stacks.upgrade_steps import lot
from templates.version import TEMPLATE_VERSION
from tests.local.conftest import CHECKOUT, ROUGH, local
from tests.support import releases
from tests.support.faults import faults_before
from tests.support.processes import kill_engine, kill_workers, wait_until_saved
from tests.support.proxy import with_template
from tests.support.resources import MISSING_EXPORT, with_missing_export

pytestmark = [pytest.mark.engine, pytest.mark.night, pytest.mark.usefixtures("impatient_queue")]

JOBS = 200
TAKEN_SECONDS = 60
PATIENCE_SECONDS = 900
PERCENT = (5, 25, 100)
SECOND_WAVE = 15
"""Percent of the jobs, in the order in which they are drawn, behind which one is in that wave."""


@pytest.fixture(scope="module")
def engine(rough_engine):
    return rough_engine


class Upgrading:
    """The jobs of the engine that are READY, and what becomes of them."""

    def __init__(self, engine):
        self.engine = engine
        self.names = [engine.unique("waves") for _ in range(JOBS)]

    def put_all(self):
        for name in self.names:
            self.engine.put(self.engine.lambda_row(name))
        self.engine.wait(
            lambda: all(each.get("in_sync") for each in self.records().values()),
            "all jobs",
            timeout_seconds=PATIENCE_SECONDS,
        )

    def records(self):
        return {name: self.engine.record(name) for name in self.names}

    def of_version(self, version):
        found = self.records().items()
        return {name for name, each in found if each["template_version"] == version}

    def chosen(self, upgrade_id, wave):
        """Return the jobs of a wave."""
        marks = ((name, each.get("upgrade", {})) for name, each in self.records().items())
        return {n for n, mark in marks if (mark.get("id"), mark.get("wave")) == (upgrade_id, wave)}

    def start(self, *options):
        """Start an upgrade by the command line; return its id."""
        printed = self.engine.provisioner("upgrade", "--yes", *options)
        [change] = [line.split() for line in printed.splitlines() if "StateMachine" in line]
        assert change[:3] == ["changed", "AWS::StepFunctions::StateMachine", "DefinitionString"]
        return self.status()["id"]

    def outdated(self):
        listed = self.engine.provisioner("get", "--outdated", "--output", "json")
        return {each["job_name"] for each in json.loads(listed)} & set(self.names)

    def status(self):
        return json.loads(self.engine.provisioner("upgrade", "status", "--output", "json"))

    def steps_until(self, condition, what):
        """Have the sweep take step after step, which it would every five minutes."""

        def step():
            self.engine.sweep(upgrade=True)
            return condition()

        self.engine.wait(step, what, timeout_seconds=PATIENCE_SECONDS)

    def has_comment(self, name):
        arn = self.engine.record(name)["state_machine_arn"]
        steps = self.engine.client("stepfunctions")
        definition = steps.describe_state_machine(stateMachineArn=arn)["definition"]
        return json.loads(definition).get("Comment") == releases.COMMENT


def deploy(checkout):
    """Deploy a release onto the engine that is there."""
    local(ROUGH, "up", "--no-examples", checkout=checkout)


def test_waves_a_failure_a_resume_two_deaths_the_way_back_and_an_abort(engine, tmp_path: Path):
    world = Upgrading(engine)
    world.put_all()
    other = releases.other_release(CHECKOUT, tmp_path)
    deploy(other)
    assert world.of_version(TEMPLATE_VERSION) == set(world.names)
    assert world.outdated() == set(world.names)

    with faults_before(engine) as faults:
        waves = [word for each in PERCENT for word in ("--wave", f"{each}%")]
        upgrade = world.start(*waves, "--soak", "0s")
        victim = a_failure_in_the_second_wave_stops_it(world, faults, upgrade)
        resumed_it_takes_the_last_wave_and_dies_twice(world, upgrade, victim, other)

    deploy(CHECKOUT)
    the_way_back_is_aborted(world)


def a_failure_in_the_second_wave_stops_it(world, faults, upgrade):
    """Return the job that failed."""
    drawn = sorted(world.names, key=lambda name: lot(upgrade, name))
    victim = drawn[JOBS * SECOND_WAVE // 100]
    faults.plan(victim).add(with_template(with_missing_export), "UpdateStack", times=1)

    world.steps_until(lambda: world.status()["status"] == "PAUSED", "the pause")
    world.steps_until(
        lambda: not any(wave["in_progress"] for wave in world.status()["progress"]),
        "the end of what was chosen",
    )

    found = world.status()
    assert found["reason"].startswith(f"The stack of {victim} failed: ")
    assert MISSING_EXPORT in found["reason"]
    assert [each["job_name"] for each in found["failures"]] == [victim]
    first, second = found["progress"]
    assert first["upgraded"] == first["chosen"]
    assert second["failed"] == 1
    assert found["wave"] == 1
    assert world.chosen(upgrade, 2) == set()
    failed = world.engine.record(victim)
    assert (failed["status"], failed["template_version"]) == ("FAILED", TEMPLATE_VERSION)
    done = world.chosen(upgrade, 0) | world.chosen(upgrade, 1)
    assert world.of_version(releases.VERSION) == done - {victim}
    assert {name for name in world.names if world.has_comment(name)} == done - {victim}
    return victim


def resumed_it_takes_the_last_wave_and_dies_twice(world, upgrade, victim, other):
    """The functions die while jobs are being marked, and the engine while stacks are updated."""
    engine = world.engine
    engine.provisioner("upgrade", "resume", "--retry-failed")
    world.steps_until(lambda: world.chosen(upgrade, 2), "the last wave")
    engine.wait(lambda: kill_workers(ROUGH), "functions that can be killed")
    before = len(world.of_version(releases.VERSION))
    world.steps_until(
        lambda: len(world.of_version(releases.VERSION)) > before + JOBS // 10, "some more"
    )

    wait_until_saved(ROUGH)
    kill_engine(ROUGH, signal.SIGKILL)
    deploy(other)
    world.steps_until(lambda: world.status()["status"] == "SUCCEEDED", "the end")

    assert world.of_version(releases.VERSION) == set(world.names)
    assert all(world.has_comment(name) for name in world.names)
    assert engine.record(victim)["status"] == "READY"
    assert world.outdated() == set()


def the_way_back_is_aborted(world):
    """The earlier release is deployed again, and its upgrade ended in its first wave."""
    engine = world.engine
    upgrade = world.start("--wave", "20%", "--wave", "100%", "--soak", "1h")
    world.steps_until(lambda: world.of_version(TEMPLATE_VERSION), "the first jobs")
    engine.provisioner("upgrade", "abort", "--reason", "we keep the other release")
    world.steps_until(lambda: world.status()["ended_at"], "the end")
    engine.wait(
        lambda: {each["status"] for each in world.records().values()} == {"READY"},
        "the end of the updates that had begun",
    )

    found = world.status()
    assert (found["status"], found["reason"]) == ("ABORTED", "we keep the other release")
    back = world.of_version(TEMPLATE_VERSION)
    assert 0 < len(back) <= JOBS // 2
    assert back == {name for name in world.names if not world.has_comment(name)}
    assert world.chosen(upgrade, 1) == set()
