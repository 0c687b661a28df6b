"""A script that empties the Jobs table takes no more stacks than the budget allows."""

from __future__ import annotations

import pytest

from provisioner.stacks.model import Deletion, JobStatus
from tests.simulation.stacks.cloudformation import LONGEST_SECONDS
from tests.simulation.stacks.queue import message
from tests.simulation.stacks.stories import row_of
from tests.simulation.stacks.world import World

JOBS = [f"job-{number}" for number in range(60)]
DAY = 24 * 3600


@pytest.fixture
def emptied():
    world = World()
    for name in JOBS:
        world.jobs.write(name, row_of(name, {}))
        world.run(1)
    world.run(LONGEST_SECONDS + 60)
    assert set(statuses(world)) == {JobStatus.READY}
    for name in JOBS:
        world.jobs.write(name, None)
        world.run(0.5)
    world.run(LONGEST_SECONDS + 120)
    return world


def statuses(world):
    return [world.stacks.records[name].status for name in JOBS]


def held(world):
    return [name for name in JOBS if world.stacks.records[name].deletion is Deletion.HELD]


def test_no_more_than_twenty_go_whatever_is_swept_and_compared(emptied):
    for _ in range(3):
        emptied.invoke("sweep", {"compare": True})
        emptied.run(DAY / 4)

    assert len(held(emptied)) == 40
    assert statuses(emptied).count(JobStatus.DELETED) == 20
    assert len(emptied.cloudformation.stacks) == 40


def test_rows_that_are_back_keep_their_stacks(emptied):
    before = {name: emptied.cloudformation.stacks[f"jobs-{name}"] for name in held(emptied)}
    emptied.jobs.subscribers.clear()  # though no event tells
    for name in before:
        emptied.jobs.write(name, row_of(name, {}))

    emptied.invoke("sweep", {"compare": True})
    emptied.run(120)

    for name, stack in before.items():
        assert emptied.stacks.records[name].status is JobStatus.READY
        assert emptied.cloudformation.stacks[f"jobs-{name}"] is stack


def test_what_is_confirmed_goes_however_many_there_are(emptied):
    confirmed, kept = held(emptied)[:35], held(emptied)[35:]
    for name in confirmed:
        emptied.queue.put(message(name, confirm_deletion=True))
    emptied.run(LONGEST_SECONDS + 120)

    assert held(emptied) == kept
    assert sorted(emptied.cloudformation.stacks) == sorted(f"jobs-{name}" for name in kept)
