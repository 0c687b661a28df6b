"""Whatever dies in the middle of fifty operations, everything converges with no hand.

The jobs are the same throughout: made while workers die, changed and deleted while the engine is
asked to stop, changed and made again while it is killed.
"""

from __future__ import annotations

import signal

import pytest

from tests.local.conftest import OPEN, local
from tests.support.faults import faults_before
from tests.support.processes import kill_engine, kill_workers, wait_until_saved

pytestmark = pytest.mark.recovery

JOBS = 50
HALF = JOBS // 2
HELD = 3
"""Jobs of each half that the end finds in the middle of their operation, not before or after."""


@pytest.fixture(scope="module")
def engine(open_engine):
    return open_engine


@pytest.fixture(scope="module")
def faults(engine):
    with faults_before(engine) as faults:
        yield faults


@pytest.fixture(scope="module", autouse=True)
def impatient_queue(engine):
    """Let what a dead worker had taken come again soon: not in six minutes."""
    queue = engine.outputs["ReconcileQueueUrl"]
    sqs = engine.client("sqs")
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "15"})
    yield
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before["Attributes"])


@pytest.fixture(scope="module")
def names(engine, faults):
    names = [engine.unique("many") for _ in range(JOBS)]
    for name in (*names[:HELD], *names[HALF : HALF + HELD]):
        faults.told(name)
    return names


def killing(call, send):
    """Take the call, and kill who made it before the answer arrives, with all its neighbours."""
    send(call)
    assert kill_workers(OPEN)


def settle(engine, names, memory_mb):
    """Wait until every job is what its row says."""
    for name in names:
        engine.wait_for(
            name,
            "READY",
            in_sync=True,
            until=lambda name=name: engine.function_memory_mb(name) == memory_mb,
            timeout_seconds=180,
        )


def letters(engine):
    """Return the number of dead letters."""
    attributes = engine.client("sqs").get_queue_attributes(
        QueueUrl=engine.outputs["DeadLetterQueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def test_workers_die_between_call_and_record(engine, faults, names):
    for name in names[::20]:
        faults.plan(name).add(killing, "CreateStack", times=1)
    for name in names:
        engine.put(engine.lambda_row(name))

    settle(engine, names, 128)

    assert letters(engine) == 0
    for name in names:
        stack_id = engine.record(name)["stack_id"]
        assert engine.statuses(stack_id) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


@pytest.mark.parametrize(
    ("how", "memory_mb", "deleted_first"),
    [(signal.SIGTERM, 256, True), (signal.SIGKILL, 512, False)],
    ids=["asked-to-stop", "killed"],
)
def test_the_engine_dies(engine, faults, names, how, memory_mb, deleted_first):
    changed, others = names[:HALF], names[HALF:]
    held = [faults.plan(name).provider for name in (*changed[:HELD], *others[:HELD])]
    for provider in held:
        provider.hold()
    for one, other in zip(changed, others, strict=True):
        engine.put(engine.lambda_row(one, memory_mb=memory_mb))
        if deleted_first:
            engine.delete(other)
        else:
            engine.put(engine.lambda_row(other, memory_mb=memory_mb))
    engine.wait(lambda: all(provider.asked for provider in held), "operations in their middle")
    wait_until_saved(OPEN)

    kill_engine(OPEN, how)
    local(OPEN, "up", "--no-examples")
    for provider in held:
        provider.release()

    settle(engine, changed, memory_mb)
    if deleted_first:
        for name in others:
            engine.wait_for(name, "DELETED", timeout_seconds=180)
            assert engine.stack(name) is None
    else:
        settle(engine, others, memory_mb)
    assert letters(engine) == 0
