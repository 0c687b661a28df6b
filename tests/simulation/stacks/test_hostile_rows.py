"""Whatever one row does to the functions that read it, its neighbours do not notice."""

from __future__ import annotations

import json
import signal

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from provisioner.stacks.model import JobStatus
from tests.simulation.faults import Crash
from tests.simulation.stacks.calls import TIMEOUT_SECONDS
from tests.simulation.stacks.cloudformation import LONGEST_SECONDS
from tests.simulation.stacks.stories import row_of
from tests.simulation.stacks.tables import JobsTable
from tests.simulation.stacks.test_neighbours import SHARE_SECONDS
from tests.simulation.stacks.world import World

HOSTILE = "hostile"
NEIGHBOURS = [f"job-{number}" for number in range(10)]


def raises(_world):
    raise ZeroDivisionError("of our own")


def loops(_world):
    signal.setitimer(signal.ITIMER_PROF, 0.1, 0.1)  # its two seconds are nearly over
    while True:
        pass


def eats_memory(_world):
    return [0] * 10**15


def kills_at_once(_world):
    raise Crash("out of memory")


def kills_by_timeout(world):
    world.timeline.advance(TIMEOUT_SECONDS)
    raise Crash("out of time")


DEEDS = {
    # What its row does, for how long that may be noticed, what the job ends as. In this world
    # nothing else happens while a function runs, so each timeout is everybody's.
    "raises": (raises, 0, JobStatus.INVALID),
    "loops": (loops, 0, JobStatus.INVALID),
    "eats memory": (eats_memory, 0, JobStatus.INVALID),
    "kills at once": (kills_at_once, 2 * TIMEOUT_SECONDS, None),
    "kills by timeout": (kills_by_timeout, 5 * TIMEOUT_SECONDS, None),
}


class HostileRow(dict):
    """A row that does something to whoever reads it."""

    def __init__(self, row, deed):
        super().__init__(row)
        self.deed = deed

    def items(self):
        return self.deed()


class Hostile(JobsTable):
    """The Jobs table; one of its rows is hostile to the functions."""

    deed = None

    def get_many(self, job_names):
        found = super().get_many(job_names)
        return {name: self.as_read(row) for name, row in found.items()}

    def all(self):
        return map(self.as_read, super().all())

    def as_read(self, row):
        return HostileRow(row, self.deed) if row["job_name"] == HOSTILE else row


def hostile(deed):
    """Return a world in which one row does that to whoever reads it."""
    world = World(jobs_table=Hostile)
    world.jobs.deed = lambda: deed(world)
    return world


def statuses(world):
    return {name: world.stacks.records[name].status for name in NEIGHBOURS}


@pytest.mark.parametrize(("deed", "stands", "ends_as"), DEEDS.values(), ids=DEEDS)
@settings(max_examples=4, deadline=None, database=None, derandomize=True)
@given(before=st.integers(0, 10), seed=st.integers(0, 99), seconds=st.sampled_from((0, 30)))
def test_the_neighbours_are_ready_and_gone_in_their_own_time(
    deed, stands, ends_as, before, seed, seconds
):
    world = hostile(deed)
    world.chance.seed(seed)
    names = NEIGHBOURS.copy()
    names.insert(before, HOSTILE)
    usual = LONGEST_SECONDS + SHARE_SECONDS + stands

    for name in names:
        world.jobs.write(name, row_of(name, {}))
    world.run(usual)
    assert set(statuses(world).values()) == {JobStatus.READY}, world.timeline.diary()

    world.run(seconds)
    world.jobs.write(HOSTILE, row_of(HOSTILE, {"memory_mb": 256}))
    for name in NEIGHBOURS:
        world.jobs.write(name, None)
    world.run(usual)
    assert set(statuses(world).values()) == {JobStatus.DELETED}, world.timeline.diary()

    world.run(2 * 3600)
    if ends_as is not None:
        assert world.stacks.records[HOSTILE].status is ends_as
        assert "cannot be checked" in world.stacks.records[HOSTILE].errors[0].message
    assert dead(world) == (set() if ends_as else {HOSTILE}), world.timeline.diary()


def dead(world):
    """Return the jobs that a dead letter is about."""
    dead_letter_messages = [
        *world.queue.dead_letter_messages.kept,
        *(message.body for message in world.queue.dead),
    ]
    lost = {record.job_name for record in world.stream.discarded}
    return lost | {json.loads(letter)["job_name"] for letter in dead_letter_messages}


@pytest.mark.parametrize("deed", [raises, loops, eats_memory], ids=lambda deed: deed.__name__)
def test_the_daily_check_finds_the_neighbours_all_the_same(deed):
    world = hostile(deed)
    world.jobs.subscribers.clear()  # no event tells of any row
    for name in (NEIGHBOURS[0], HOSTILE, *NEIGHBOURS[1:]):
        world.jobs.write(name, row_of(name, {}))

    world.invoke("sweep", {"compare": True})
    world.run(LONGEST_SECONDS + SHARE_SECONDS)

    assert set(statuses(world).values()) == {JobStatus.READY}, world.timeline.diary()
    assert world.stacks.records[HOSTILE].status is JobStatus.INVALID
