"""How dead-letter messages are redriven, and which of them stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from provisioner.dead_letters.content import Content, Redrive
from provisioner.dead_letters.model import DeadLetterMessage, of_message
from provisioner.dead_letters.redrive import Invoke, ReconcileJobs, SendEvent, is_done, step

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SUBMITTED = {"job_name": "report", "message_id": "order-7", "body": "{}"}

STEPS = {
    Redrive.RECONCILE: ReconcileJobs(("report",)),
    Redrive.RUN_EVENT: SendEvent("{}"),
    Redrive.ARTIFACT_EVENT: Invoke("artifact_events", "{}"),
    Redrive.RUN_RECORDS: Invoke("run_stream", "{}"),
    Redrive.NOTIFICATION: Invoke("notify", "{}"),
    Redrive.MESSAGE: Invoke("unrouted", json.dumps(SUBMITTED)),
    Redrive.NOTHING: None,
    Redrive.IMPOSSIBLE: None,
}


def message(redrive, problem=""):
    content = Content("source", redrive, ("report",), problem)
    return DeadLetterMessage("1", NOW, "reason", "Error", "{}", content, "order-7")


@pytest.mark.parametrize("redrive", Redrive)
def test_how_each_is_redriven(redrive):
    assert step(message(redrive)) == STEPS[redrive]


STAYS = {
    "all could be redriven": (message(Redrive.RECONCILE), True),
    "a part could not": (message(Redrive.RECONCILE, "1 of 2 records"), False),
    "nothing is to be done": (message(Redrive.NOTHING), True),
    "it cannot be read": (message(Redrive.IMPOSSIBLE, "no records"), False),
    "a message to no job": (of_message("1", "hello", {"source": "unrouted"}, NOW, "jobs"), False),
}


@pytest.mark.parametrize(("letter", "done"), STAYS.values(), ids=STAYS)
def test_only_what_was_redriven_is_removed(letter, done):
    assert is_done(letter) is done
