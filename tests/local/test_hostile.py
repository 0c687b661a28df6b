"""Whatever rows, items, records and events hold, healthy neighbours go on, on the engine."""

from __future__ import annotations

import json

import pytest

from tests.support import hostile

pytestmark = [pytest.mark.engine, pytest.mark.night]

NEIGHBOURS = 10
USUAL_SECONDS = 120
"""Of any step of a neighbour; a few seconds when nothing else is at the machine."""
LARGE_CHARACTERS = 100_000
"""Of a row: the engine keeps each in every image of its stream, and one of that size will do."""
ROWS = [row for row in hostile.ROWS.values() if len(repr(row)) < LARGE_CHARACTERS]
ROWS.append(hostile.ROWS["a long word"])


@pytest.fixture(scope="module")
def engine(rough_engine):
    return rough_engine


def neighbours_continue(engine):
    """Bring neighbours up, run them and remove them, each step in its usual time."""
    names = [engine.unique("good") for _ in range(NEIGHBOURS)]
    for name in names:
        engine.put(engine.lambda_row(name))
    for name in names:
        engine.wait_for(name, "READY", timeout_seconds=USUAL_SECONDS)
    runs = {name: engine.start(name, {}) for name in names}
    for name, run in runs.items():
        engine.wait_for_run(name, run, "SUCCEEDED", timeout_seconds=USUAL_SECONDS)
    for name in names:
        engine.delete(name)
    for name in names:
        engine.wait_for(name, "DELETED", timeout_seconds=USUAL_SECONDS)


def test_rows(engine):
    written = {f"hostile-{n}": row for n, row in enumerate(ROWS)}
    jobs = engine.table("Jobs")
    for name, row in written.items():
        jobs.put_item(Item={"job_name": name, **row})
    for name in hostile.NAMES.values():
        engine.put(engine.lambda_row(name))

    neighbours_continue(engine)

    for name in written:
        engine.wait_for(name, "INVALID", timeout_seconds=USUAL_SECONDS)
        assert engine.record(name)["errors"]
    for name in (*written, *hostile.NAMES.values()):
        engine.delete(name)


def test_items_of_every_table(engine):
    jobs = {engine.unique("damaged"): row for row in hostile.STACKS_ROWS.values()}
    for name, row in jobs.items():
        engine.table("Stacks").put_item(Item={"job_name": name, **row})
    locked = {engine.unique("locked"): lock for lock in hostile.LOCKS.values()}
    triggers = engine.table("Triggers")
    for name, lock in locked.items():
        triggers.put_item(Item={"job_name": name, "trigger_id": "#lock", **lock})
        for number, run in enumerate(hostile.RUNS.values()):
            key = f"2020-01-01T00:00:0{number}.000Z#damaged"
            triggers.put_item(Item={"job_name": name, "trigger_id": key, **run})

    engine.sweep()
    for name in (*jobs, *locked):
        engine.put(engine.lambda_row(name))
    neighbours_continue(engine)

    for name in (*jobs, *locked):
        engine.wait_for(name, "READY", timeout_seconds=USUAL_SECONDS)
    for name in locked:
        engine.wait_for_run(name, engine.start(name, {}), "SUCCEEDED")
        assert "SUCCEEDED" in engine.provisioner("runs", name)


@pytest.mark.parametrize("item", hostile.PACE_ROWS.values(), ids=hostile.PACE_ROWS)
def test_an_item_of_the_rate_limits(engine, item):
    pace = engine.table("Pace")
    for found in pace.scan()["Items"]:
        pace.put_item(Item={"quota": found["quota"], **item})
    name = engine.unique("paced")

    engine.put(engine.lambda_row(name))

    engine.wait_for(name, "READY", timeout_seconds=USUAL_SECONDS)
    engine.delete(name)
    engine.wait_for(name, "DELETED", timeout_seconds=USUAL_SECONDS)


def test_records_events_and_inputs(engine):
    records = [{"eventName": "MODIFY", "dynamodb": r} for r in hostile.RECORDS.values()]
    for function in ("job_stream", "run_stream", "notify"):
        invoke(engine, function, {"Records": records})
    for detail in hostile.STACK_EVENTS.values():
        invoke(engine, "stack_events", {"source": "aws.cloudformation", "detail": detail})
        invoke(engine, "run_events", {"source": "aws.states", "detail": detail})
    for body in hostile.MESSAGES.values():
        engine.client("sqs").send_message(
            QueueUrl=engine.outputs["ReconcileQueueUrl"], MessageBody=body
        )
    name = engine.unique("given")
    engine.put(engine.lambda_row(name, overlap="allow"))
    engine.wait_for(name, "READY")
    runs = [engine.start(name, given) for given in hostile.INPUTS.values()]

    neighbours_continue(engine)

    steps = engine.client("stepfunctions")
    for run in runs:
        engine.wait(
            lambda run=run: steps.describe_execution(executionArn=run)["status"] != "RUNNING",
            "the end of every execution",
        )
    engine.wait_for_run(name, engine.start(name, {}), "SUCCEEDED")


def invoke(engine, function, event):
    """Invoke a function; whether it fails is its own affair, as long as it answers."""
    [name] = [each for each in engine.function_names() if each.endswith(f"_{function}")]
    answer = engine.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    assert answer["StatusCode"] == 200
