"""Runs that are cut off without a word, as by a killed service: the next sweep ends them."""

from __future__ import annotations

import random

import pytest

from provisioner.runs.model import RunStatus
from tests.simulation.runs.world import SWEEP_SECONDS, World

UNTIL_THE_SWEEP_ASKS = 60


@pytest.mark.parametrize("at", [61, 150, 299, 301, 599])
def test_what_runs_ends_and_what_waits_starts_within_one_sweep(at):
    world = World(random.Random(0), "queue_all", trouble=0)
    world.after(SWEEP_SECONDS, world.sweep)
    first = world.ask(seconds=700)
    world.run(5)
    second = world.ask(seconds=1)
    world.run(at)
    cut_off = world.executions[first]
    cut_off.status, cut_off.ended_at, cut_off.holds = "ABORTED", world.now, False

    world.run(SWEEP_SECONDS + 10)

    rows = {key.partition("#")[2]: row for key, row in world.table.rows().items()}
    assert rows[first]["status"] == RunStatus.STOPPED
    assert rows[second]["status"] == RunStatus.SUCCEEDED
    assert not world.work


def test_one_that_has_just_started_is_asked_about_by_the_sweep_after():
    world = World(random.Random(0), "skip", trouble=0)
    world.after(SWEEP_SECONDS, world.sweep)
    world.run(SWEEP_SECONDS - UNTIL_THE_SWEEP_ASKS + 5)
    name = world.ask(seconds=500)
    world.run(10)
    world.executions[name].status, world.executions[name].ended_at = "ABORTED", world.now

    world.run(UNTIL_THE_SWEEP_ASKS)
    [row] = world.table.rows().values()
    assert row["status"] == RunStatus.RUNNING
    world.run(SWEEP_SECONDS)

    [row] = world.table.rows().values()
    assert row["status"] == RunStatus.STOPPED
