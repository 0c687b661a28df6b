"""The workflow on the engine's own interpreter, which is not ours: what no full stack can force."""

from __future__ import annotations

import json

import boto3
import pytest

pytestmark = pytest.mark.engine

METADATA = {"source": "schedule", "scheduled_for": "2026-01-02T03:04:05Z", "schedule": "jobs-x-0"}


@pytest.fixture(scope="module")
def echo(engine):
    name = engine.unique("flow")
    engine.put(
        engine.lambda_row(name, handler="code_under_test.echo", payload={"a": '{"Ref":"x"}'})
    )
    engine.wait_for(name, "READY")
    return name


def outcome(engine, execution_arn):
    """Return how an execution ended, and the states it went through."""
    steps = engine.client("stepfunctions")

    def look():
        found = steps.describe_execution(executionArn=execution_arn)
        return found if found["status"] != "RUNNING" else None

    found = engine.wait(look, f"the end of {execution_arn}")
    events = steps.get_execution_history(executionArn=execution_arn, maxResults=1000)["events"]
    names = [
        e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e
    ]
    return found["status"], names


def test_a_plain_run_takes_four_transitions(engine, echo):
    run = engine.start(echo, {"b": 1})

    assert outcome(engine, run) == ("SUCCEEDED", ["Prepare", "Admit", "Run", "Record"])
    row = engine.wait_for_run(echo, run, "SUCCEEDED")
    assert json.loads(row["output"]) == {"a": '{"Ref":"x"}', "b": 1}


def test_a_scheduled_time_delivered_twice_is_one_run(engine, echo):
    first = engine.start(echo, {"_run": METADATA})
    engine.wait_for_run(echo, first, "SUCCEEDED")

    second = engine.start(echo, {"_run": METADATA})

    assert outcome(engine, second)[1][-1] == "Duplicate"
    assert [row["scheduled_for"] for row in engine.runs(echo) if "scheduled_for" in row] == [
        METADATA["scheduled_for"]
    ]


def test_a_lease_that_ran_out_is_taken_over(engine, echo):
    triggers(engine).put_item(
        Item={"job_name": echo, "trigger_id": "#lock", "owner": "dead", "lease_until": 1}
    )

    run = engine.start(echo, {})

    engine.wait_for_run(echo, run, "SUCCEEDED")
    assert engine.lock(echo) is None


def test_a_large_output_is_put_into_s3(engine):
    name = engine.unique("large")
    engine.put(engine.lambda_row(name, handler="code_under_test.large"))
    engine.wait_for(name, "READY")

    run = engine.start(name, {"characters": 150_000})

    row = engine.wait_for_run(name, run, "SUCCEEDED")
    assert json.loads(engine.read(row["output"])) == {"text": "x" * 150_000}


def triggers(engine):
    session = boto3.Session(
        aws_access_key_id=engine.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=engine.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=engine.environment["AWS_REGION"],
    )
    resource = session.resource("dynamodb", endpoint_url=engine.url)
    return resource.Table(engine.outputs["TriggersTableName"])
