"""Whatever dies in the middle of many operations, everything converges with no hand."""

from __future__ import annotations

import signal

import pytest

from tests.local.conftest import ROUGH, local
from tests.support.faults import faults_before
from tests.support.processes import kill_engine, kill_workers, wait_until_saved

pytestmark = [pytest.mark.engine, pytest.mark.night, pytest.mark.usefixtures("impatient_queue")]

TAKEN_SECONDS = 15
JOBS = 50
MADE = DELETED = 3 * JOBS // 10
CHANGED = 2 * JOBS // 5
SLOW = 2
"""Of each kind of operation, those that are in their middle when the engine dies."""
PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def engine(rough_engine):
    return rough_engine


@pytest.fixture(scope="module")
def faults(engine):
    with faults_before(engine) as faults:
        yield faults


def killing(call, send):
    """Take the call, and kill who made it before the answer arrives, with all its neighbours."""
    send(call)
    assert kill_workers(ROUGH)


def settle(engine, names, memory_mb):
    """Wait until every job is what its row says."""
    for name in names:
        engine.wait_for(
            name,
            "READY",
            in_sync=True,
            until=lambda name=name: engine.function_memory_mb(name) == memory_mb,
            timeout_seconds=PATIENCE_SECONDS,
        )


def dead_letter_messages(engine):
    """Return the bodies of the dead letters; they stay where they are."""
    received = engine.client("sqs").receive_message(
        QueueUrl=engine.outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [message["Body"] for message in received.get("Messages", ())]


@pytest.fixture(scope="module")
def names(engine, faults):
    """Jobs that are made while workers die."""
    names = [engine.unique("many") for _ in range(JOBS)]
    for name in names[:: JOBS // 4]:
        faults.plan(name).add(killing, "CreateStack", times=1)
    for name in names:
        if name in (*names[:SLOW], *names[-SLOW:]):
            faults.plan_with_reporter(name)
        engine.put(engine.lambda_row(name))
    settle(engine, names, 128)
    return names


def test_workers_die_between_call_and_record(engine, names):
    assert dead_letter_messages(engine) == []
    for name in names:
        stack_id = engine.record(name)["stack_id"]
        assert engine.statuses(stack_id) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_the_engine_dies_twice(engine, faults, names):
    """Asked to stop the first time, killed the second."""
    made = [engine.unique("new") for _ in range(MADE)]
    changed, deleted = names[:CHANGED], names[-DELETED:]
    for name in made[:SLOW]:
        faults.plan_with_reporter(name)
    slow = (*made[:SLOW], *changed[:SLOW], *deleted[-SLOW:])
    held = [faults.plan(name).provider for name in slow]
    for provider in held:
        provider.hold()
    for name in (*changed, *made):
        engine.put(engine.lambda_row(name, memory_mb=256))
    for name in reversed(deleted):
        engine.delete(name)
    engine.wait(lambda: all(p.asked for p in held), "operations in their middle")

    kill_engine(ROUGH, signal.SIGTERM)
    local(ROUGH, "up", "--no-examples")
    wait_until_saved(ROUGH)
    kill_engine(ROUGH, signal.SIGKILL)
    local(ROUGH, "up", "--no-examples")
    for provider in held:
        provider.release()

    settle(engine, [*changed, *made], 256)
    for name in deleted:
        engine.wait_for(name, "DELETED", timeout_seconds=PATIENCE_SECONDS)
        assert engine.stack(name) is None
    settle(engine, names[CHANGED:-DELETED], 128)
    assert dead_letter_messages(engine) == []
