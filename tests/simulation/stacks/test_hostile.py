"""Whatever one row, record, message or event holds, ten healthy neighbours go on as ever."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.stacks.model import JobStatus
from tests.simulation.stacks.cloudformation import LONGEST_SECONDS
from tests.simulation.stacks.lambdas import FunctionError
from tests.simulation.stacks.stories import row_of
from tests.simulation.stacks.world import World
from tests.support import hostile

NEIGHBOURS = [f"good-{number}" for number in range(10)]
USUAL_SECONDS = LONGEST_SECONDS + 20
"""An operation, and what a record, an event and a message take, and ten operations in line."""
CPU_SECONDS = 10.0
"""Of the whole story: what takes longer is a job over which a function would die."""
EVENT = Path(__file__).parents[2] / "events" / "stack_status_change.json"


@pytest.fixture
def world():
    with patience(CPU_SECONDS):
        yield World()


@contextmanager
def patience(seconds):
    """Let what never ends be a failure and not a hanging suite."""

    def give_up(_signal, _frame):
        raise AssertionError(f"more than {seconds} s of CPU")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def neighbours_continue(world):
    """Bring ten neighbours up and down again, each in its usual time."""
    for name in NEIGHBOURS:
        world.jobs.write(name, row_of(name, {}))
    world.run(USUAL_SECONDS)
    assert statuses(world) == dict.fromkeys(NEIGHBOURS, JobStatus.READY), world.timeline.diary()
    for name in NEIGHBOURS:
        world.jobs.write(name, None)
    world.run(USUAL_SECONDS)
    assert statuses(world) == dict.fromkeys(NEIGHBOURS, JobStatus.DELETED), world.timeline.diary()


def statuses(world):
    return {name: world.stacks.records[name].status for name in NEIGHBOURS}


@pytest.mark.parametrize("row", hostile.ROWS.values(), ids=hostile.ROWS)
def test_a_row(world, row):
    world.jobs.write("hostile", {"job_name": "hostile", **row})

    neighbours_continue(world)

    assert world.stacks.records["hostile"].status in {JobStatus.INVALID, JobStatus.READY}
    assert not world.stream.discarded
    assert not world.queue.dead


@pytest.mark.parametrize("name", hostile.NAMES.values(), ids=hostile.NAMES)
def test_a_row_whose_key_cannot_be_a_name(world, name):
    world.jobs.write(name, row_of(name, {}))

    neighbours_continue(world)

    assert world.cloudformation.stacks.keys().isdisjoint({f"jobs-{name}"})


@pytest.mark.parametrize("content", hostile.RECORDS.values(), ids=hostile.RECORDS)
def test_a_record_of_a_stream(world, content):
    for name in NEIGHBOURS[:3]:
        world.stream.put_odd(content, near=name)

    neighbours_continue(world)


@pytest.mark.parametrize("body", hostile.MESSAGES.values(), ids=hostile.MESSAGES)
def test_a_message(world, body):
    world.queue.put(body)

    neighbours_continue(world)


@pytest.mark.parametrize("detail", hostile.STACK_EVENTS.values(), ids=hostile.STACK_EVENTS)
def test_an_event_of_a_stack(world, detail):
    event = json.loads(EVENT.read_text(encoding="utf-8")) | {"detail": detail}
    try:
        world.lambdas.invoke("stack_events", event)
    except FunctionError:
        world.timeline.note("the event is a dead letter")

    neighbours_continue(world)
