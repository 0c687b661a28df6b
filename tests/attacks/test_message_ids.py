"""Whoever sends messages to one job's queue keeps no message of another job from its run."""

from __future__ import annotations

import json

import pytest

from provisioner.runs import keys
from provisioner.runs.messages import Message, received
from tests.unit.runs.test_concurrency import Here, StepFunctions


class OfJobs(StepFunctions):
    """State machines, each with executions of its own."""

    def start(self, job, name, given):
        return super().start(job, f"{job}/{name}", given)

    def has_started(self, job, name):
        return super().has_started(job, f"{job}/{name}")


@pytest.fixture
def here():
    made = Here()
    made.steps.__class__ = OfJobs
    return made


def message(name, number):
    return Message(name, json.dumps({"n": number}))


def test_ids_that_another_job_s_messages_have_claim_nothing_there(here):
    here.runs.start("eve", [message("order-7", 1), message("order-8", 2)])

    here.runs.start("shop", [message("order-7", 7), message("order-8", 8)])

    assert here.steps.got == [1, 2, 7, 8]


def test_an_id_that_eve_s_batch_has_is_free_in_any_other_batch(here):
    here.runs.start("eve", [message("order-7", 1), message("x", 2)])

    here.runs.start("shop", [message("order-7", 7), message("order-9", 9)])

    assert here.steps.got == [1, 2, 7, 9]


@pytest.mark.parametrize(
    "given",
    ["#lock", "a#b", "../shop", "a\nb", "x" * 71, "", "order 7", "2026-11-26T10:00:00.000Z#a"],
)
def test_no_id_is_the_key_of_another_item(given):
    found = received("{}", given, "6d1f")

    assert keys.submission(found.id) == "#submission#6d1f"
