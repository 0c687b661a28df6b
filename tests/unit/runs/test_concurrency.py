"""Runs of messages, by functions that end between any two of their calls."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.errors import ConflictError, TemporaryError
from provisioner.runs.concurrency import QUIET, MessageRuns
from provisioner.runs.messages import Limits, Message
from provisioner.runs.model import EndedExecution, RunStatus
from tests.simulation.faults import Crash, Death, Faults, Reached
from tests.support.fakes import FakeMessageQueues, FakeSlots, FakeSubmissions

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
VISIBLE_AGAIN = timedelta(minutes=6)
CALLS = 4
"""Of a start: the limits, the slot, the claims, the execution."""


class StepFunctions:
    """Starts a name once; no execution ends."""

    def __init__(self):
        self.inputs = {}

    def start(self, _job, name, given):
        if self.inputs.setdefault(name, given) != given:
            raise ConflictError("ExecutionAlreadyExists")
        return name

    def arn(self, _job, name):
        return name

    def has_started(self, _job, name):
        return name in self.inputs

    def ended(self, job, name):
        stopped = EndedExecution(job, name, name, RunStatus.STOPPED, NOW, NOW)
        return None if name in self.inputs else stopped

    def queue_limits(self, _job):
        return Limits(batch_size=3, max_concurrency=10)

    @property
    def got(self):
        return sorted(
            each["n"] for given in self.inputs.values() for each in json.loads(given)["messages"]
        )


class Here:
    def __init__(self):
        self.now = NOW
        self.faults = Faults(self.clock, random.Random(0))
        self.steps, self.queues = StepFunctions(), FakeMessageQueues()
        ports = {
            "slots": FakeSlots(),
            "queues": self.queues,
            "executions": self.steps,
            "limits": self.steps,
            "submissions": FakeSubmissions(self.clock),
        }
        reached = {name: Reached(self.faults, name, port) for name, port in ports.items()}
        self.runs = MessageRuns(**reached, clock=self.clock)

    def clock(self):
        return self.now

    def get(self, *numbers):
        return self.runs.start("job", [Message(f"m{n}", json.dumps({"n": n})) for n in numbers])

    def get_what_was_sent_again(self):
        for _ in range(10):
            ready = self.queues.ready.pop("job", [])
            if not ready:
                return
            self.now += timedelta(seconds=30)
            self.runs.start("job", ready)
        raise AssertionError("messages are sent again for ever")


@pytest.fixture
def here():
    return Here()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(CALLS))
def test_each_message_is_in_one_run_wherever_the_function_ends(here, call, after):
    here.faults.deaths.append(Death(call, after))
    with pytest.raises(Crash):
        here.get(1, 2, 3)
    here.now += VISIBLE_AGAIN

    here.get(3, 4)
    here.get(5, 1, 2)
    here.get_what_was_sent_again()

    assert here.steps.got == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(8))
def test_so_it_is_where_the_function_ends_that_finds_what_another_left(here, call, after):
    here.faults.deaths.append(Death(2, after=True))
    with pytest.raises(Crash):
        here.get(1, 2, 3)
    here.now += VISIBLE_AGAIN
    here.faults.deaths.append(Death(call, after))
    try:
        here.get(3, 4)
    except Crash:
        here.now += VISIBLE_AGAIN
    here.faults.end()

    here.get(3, 4)
    here.get(5, 1, 2)
    here.get_what_was_sent_again()

    assert here.steps.got == [1, 2, 3, 4, 5]


def test_a_message_waits_while_the_run_that_claims_it_may_be_about_to_start(here):
    here.faults.deaths.append(Death(2, after=True))
    with pytest.raises(Crash):
        here.get(1, 2)
    here.now += QUIET - timedelta(seconds=1)

    unstarted = here.get(2, 3)

    assert here.steps.got == []
    assert [*unstarted.sent_again] == ["m2", "m3"]
    assert "may be about to start" in str(unstarted.sent_again["m3"])


def test_copies_of_messages_start_no_second_run_and_keep_no_slot(here):
    here.get(1, 2, 3)

    unstarted = here.get(2, 3)

    assert not unstarted.kept
    assert not unstarted.sent_again
    assert here.steps.got == [1, 2, 3]
    assert here.runs.slots.get("job").in_use == here.steps.inputs.keys()


def test_why_a_message_could_not_be_sent_again_is_kept_with_why_it_should_be(here):
    def fails(*_, **__):
        raise TemporaryError("SQS is unwell")

    here.steps.start = here.queues.send = fails

    unstarted = here.get(1)

    error = unstarted.kept["m1"]
    assert isinstance(error.__context__, TemporaryError)
    assert error is not error.__context__
