"""What goes wrong with machines has an end within its bound (docs/concepts/machines.md)."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from provisioner.entrypoints.sweep_runs import OVERDUE_AFTER
from provisioner.runs.model import RunStatus
from tests.simulation.runs.machines import HEARTBEAT, LONGEST, SILENCE_SECONDS, Health
from tests.simulation.runs.world import SWEEP_SECONDS, World
from tests.simulation.timeline import START

A_WHILE = 5


@pytest.fixture
def world():
    world = World(random.Random(0), "skip", trouble=0, job_type="ec2")
    world.after(SWEEP_SECONDS, world.sweep)
    return world


def launched(world):
    name = world.ask(seconds=5000)
    world.run(A_WHILE)
    return world.machines.alive[name]


def test_a_run_whose_machine_dies_has_failed_once_that_is_silent_for_too_long(world):
    world.machines.kill(launched(world))

    world.run(HEARTBEAT.total_seconds() + SILENCE_SECONDS)

    [row] = world.table.rows().values()
    assert row["status"] == RunStatus.FAILED


@pytest.mark.parametrize("health", [Health.CUT_OFF, Health.HUNG])
def test_a_machine_that_is_silent_for_too_long_is_terminated(world, health):
    launched(world).health = health

    world.run(HEARTBEAT.total_seconds() + SILENCE_SECONDS)

    assert not world.machines.alive


def test_a_machine_that_was_not_shown_when_its_run_was_stopped_hears_of_it(world):
    world.machines.hidden_until = world.until(60)
    machine = launched(world)
    world.stop(machine.execution.name, error="Stopped", cause="by hand")
    world.run(A_WHILE)
    assert world.machines.alive

    world.run(HEARTBEAT.total_seconds())

    assert not world.machines.alive


def test_one_that_hangs_then_is_terminated_by_the_first_sweep_after_its_deadline(world):
    world.machines.hidden_until = world.until(5)
    machine = launched(world)
    machine.health = Health.HUNG
    world.stop(machine.execution.name, error="Stopped", cause="by hand")
    overdue = START + LONGEST + OVERDUE_AFTER
    world.run_until(overdue)
    assert world.machines.alive

    world.run_until(overdue + timedelta(seconds=SWEEP_SECONDS + A_WHILE))

    assert not world.machines.alive
