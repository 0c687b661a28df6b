"""Each captured event, delivered three times in any order, comes to what it comes to once."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import boto3
import pytest

from provisioner.entrypoints import job_stream, reconcile_queue, run_events, stack_events
from tests.functional.entrypoints.test_dead_letters import dead_letters
from tests.functional.entrypoints.test_entrypoints import (
    captured_end,
    event,
    put,
    run_row,
    stacks,
    triggers,
)
from tests.support.clients import heard
from tests.support.functions import deliver, runtime

pytestmark = pytest.mark.usefixtures("bootstrap")

OPERATIONS = {"CreateStack", "UpdateStack", "DeleteStack", "ContinueUpdateRollback"}


@pytest.fixture
def operations():
    """Count what CloudFormation is asked to start."""
    calls: Counter[str] = Counter()

    def called(model, **_):
        calls[model.name] += model.name in OPERATIONS

    with heard(runtime().clients.cloudformation, "before-call.cloudformation", called):
        yield lambda: {name: times for name, times in calls.items() if times}


def deliver_stream():
    assert deliver(job_stream, event("dynamodb_stream")) == {"batchItemFailures": []}


def deliver_message():
    assert deliver(reconcile_queue, event("sqs")) == {"batchItemFailures": []}


def deliver_stack_event():
    deliver(stack_events, event("stack_status_change"))


def deliver_retry():
    batch = {"Records": event("sqs")["Records"][:1]}
    batch["Records"][0]["body"] = json.dumps({"job_name": "report", "retry": True})
    assert deliver(reconcile_queue, batch) == {"batchItemFailures": []}


EVENTS = {
    "stream": deliver_stream,
    "message": deliver_message,
    "stack-event": deliver_stack_event,
    "retry": deliver_retry,
}
THRICE = ["stream", "message", "stack-event"] * 3
ORDERS = [Random(seed).sample(THRICE, len(THRICE)) for seed in range(6)]


def alone(name):
    """Deliver an event when nobody else calls CloudFormation, so that no job has to wait."""
    dynamodb = boto3.client("dynamodb")
    for limit in dynamodb.scan(TableName="jobs-RateLimits")["Items"]:
        dynamodb.delete_item(TableName="jobs-RateLimits", Key={"quota": limit["quota"]})
    EVENTS[name]()


def state():
    """Return what people see of the job, without what tells only how often we looked."""
    passing = {"updated_at", "version", "conditions", "reservation"}
    row = {key: value for key, value in stacks()["report"].items() if key not in passing}
    found = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return row, {stack["StackName"]: stack["StackStatus"] for stack in found}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_delivered_three_times(name, operations):
    put()
    alone(name)
    alone(name)  # moto's stacks come up at once, which no event tells
    once = state()
    assert operations() == {"CreateStack": 1}

    for _ in range(3):
        alone(name)

    assert state() == once
    assert operations() == {"CreateStack": 1}


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_a_new_row_in_any_order(order, operations):
    put()
    for name in order:
        alone(name)

    row, found = state()

    assert row["status"] == {"S": "READY"}
    assert found == {"jobs-report": "CREATE_COMPLETE"}
    assert operations() == {"CreateStack": 1}
    assert {body for body, _ in dead_letters()} <= {"not ours"}


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_a_removed_row_in_any_order(order, operations):
    put()
    alone("stream")
    alone("stack-event")
    boto3.client("dynamodb").delete_item(TableName="jobs-Jobs", Key={"job_name": {"S": "report"}})

    for name in order:
        alone(name)

    row, found = state()
    assert row["status"] == {"S": "DELETED"}
    assert found == {}
    assert operations() == {"CreateStack": 1, "DeleteStack": 1}


@pytest.mark.usefixtures("batch_queues")
def test_the_end_of_a_run_delivered_three_times():
    boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=run_row())
    deliver(run_events, captured_end())
    once = triggers()

    for _ in range(3):
        deliver(run_events, captured_end())

    assert triggers() == once
