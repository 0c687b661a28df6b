"""Which job waits for which, from the row to the run, over moto."""

from __future__ import annotations

import json

import boto3
import pytest

from provisioner.aws.dependants import DependantsTable
from provisioner.entrypoints import job_stream, run_stream
from provisioner.runs.model import Success
from tests.functional.entrypoints.test_entrypoints import event, put, stacks
from tests.support.clients import CLIENTS
from tests.support.functions import deliver

pytestmark = pytest.mark.usefixtures("bootstrap")

TABLE = DependantsTable(CLIENTS, "jobs-Triggers")


def put_run(job_name, trigger_id, status, ended_at="2026-11-21T10:00:00.000Z"):
    boto3.client("dynamodb").put_item(
        TableName="jobs-Triggers",
        Item={
            "job_name": {"S": job_name},
            "trigger_id": {"S": trigger_id},
            "status": {"S": status},
            "ended_at": {"S": ended_at},
        },
    )


def look():
    deliver(job_stream, event("dynamodb_stream"))


def test_a_row_is_remembered_by_those_it_names_as_long_as_it_does():
    put(depends_on={"L": [{"S": "extract"}, {"S": "clean"}]})
    look()
    assert TABLE.of("extract") == {"report": ("extract", "clean")}
    assert stacks()["report"]["depends_on"]["L"] == [{"S": "extract"}, {"S": "clean"}]

    put(depends_on={"S": "clean"})
    look()
    assert (TABLE.of("extract"), TABLE.of("clean")) == ({}, {"report": ("clean",)})

    boto3.client("dynamodb").delete_item(TableName="jobs-Jobs", Key={"job_name": {"S": "report"}})
    look()
    assert TABLE.of("clean") == {}


def test_a_circle_is_an_invalid_row_and_what_was_stays():
    put(depends_on={"S": "clean"})
    look()
    put(job_name={"S": "clean"}, depends_on={"S": "report"})

    look()

    row = stacks()["report"]
    assert row["status"]["S"] == "INVALID"
    assert row["errors"]["L"][0]["M"]["message"]["S"] == (
        "is a dependency cycle: report → clean → report"
    )
    assert TABLE.of("clean") == {"report": ("clean",)}


def test_the_last_runs_are_found_among_many():
    for number in range(30):
        put_run("clean", f"2026-11-20T10:{number:02}:00.000Z#a", "SUCCEEDED", f"day-1 {number:02}")
    for number in range(45):
        put_run("clean", f"2026-11-21T10:{number:02}:00.000Z#b", "FAILED")
    put_run("clean", "2026-11-22T10:00:00.000Z#c", "SKIPPED")
    put_run("clean", "#lock", "FREE")

    assert TABLE.last_success("clean") == Success("2026-11-20T10:29:00.000Z#a", "day-1 29")
    assert TABLE.last_started_at("clean") == "2026-11-21T10:44:00.000Z"
    assert TABLE.last_success("report") is None
    assert TABLE.last_started_at("report") == ""


def succeeded(job_name):
    return {
        "dynamodb": {
            "Keys": {"job_name": {"S": job_name}, "trigger_id": {"S": "2026#a"}},
            "NewImage": {"status": {"S": "SUCCEEDED"}},
            "SequenceNumber": "1",
        }
    }


def test_a_success_starts_what_waited_for_it_once():
    put(depends_on={"S": "extract"})
    look()
    machine = boto3.client("stepfunctions").create_state_machine(
        name="jobs-waiter",
        definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )["stateMachineArn"]
    TABLE.change("waiter", before=(), after=("extract",))
    put_run("extract", "2026-11-21T09:00:00.000Z#a", "SUCCEEDED")

    for _ in range(3):
        answer = deliver(run_stream, {"Records": [succeeded("extract")]})
        assert answer == {"batchItemFailures": []}

    found = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [execution["name"].partition("-")[0] for execution in found] == ["dependency"]


def test_a_dependant_without_a_state_machine_is_queued_for_drift_detection(bootstrap):
    TABLE.change("gone", before=(), after=("extract",))
    put_run("extract", "2026-11-21T09:00:00.000Z#a", "SUCCEEDED")

    answer = deliver(run_stream, {"Records": [succeeded("extract")]})

    assert answer == {"batchItemFailures": []}
    [message] = boto3.client("sqs").receive_message(QueueUrl=bootstrap["RECONCILE_QUEUE_URL"])[
        "Messages"
    ]
    request = json.loads(message["Body"])
    assert (request["job_name"], request["detect_drift"]) == ("gone", True)
