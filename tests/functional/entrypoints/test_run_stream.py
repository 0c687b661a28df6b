"""What `run_stream` cannot do, and nobody else would: a dead letter that can be done again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
import pytest

from provisioner.aws.dependants import DependantsTable
from provisioner.aws.triggers_table import TriggersTable
from provisioner.dead_letters.content import Content, Redrive
from provisioner.dead_letters.model import of_message
from provisioner.entrypoints import run_stream
from tests.functional.aws.test_dependants import put_run
from tests.functional.entrypoints.test_entrypoints import put
from tests.support.clients import CLIENTS
from tests.support.functions import Unavailable, deliver, hand_in
from tests.support.tables import make_table

RUN = "2026-11-21T01:00:00.000Z#a"
RUNS = ("jobs-Triggers", "job_name", "trigger_id")


def ended(status, number="1", run=RUN):
    image = {"status": {"S": status}, "run_shard": {"N": "1"}, "output": {"S": "nobody's business"}}
    keys = {"job_name": {"S": "report"}, "trigger_id": {"S": run}}
    return {"dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": number}}


def handle(*records):
    answer = deliver(run_stream, {"Records": list(records)})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def dead_letters(bootstrap):
    found = boto3.client("sqs").receive_message(
        QueueUrl=bootstrap["DEAD_LETTER_QUEUE_URL"],
        MessageAttributeNames=["All"],
        MaxNumberOfMessages=10,
    )
    return [
        of_message(
            m["MessageId"],
            m["Body"],
            {name: value["StringValue"] for name, value in m["MessageAttributes"].items()},
            datetime.now(UTC),
            "jobs",
        )
        for m in found.get("Messages", ())
    ]


def test_a_pause_that_could_not_be_is_made_when_its_dead_letter_message_is_redriven(bootstrap):
    put(pause_on_failures={"N": "1"})
    put_run("report", RUN, "FAILED")
    dynamodb = boto3.client("dynamodb")
    dynamodb.delete_table(TableName="jobs-Jobs")

    assert handle(ended("FAILED"), ended("FAILED", "2")) == []

    [letter] = dead_letters(bootstrap)
    assert letter.content == Content("run_stream", Redrive.RUN_RECORDS, ("report",))
    assert letter.reason.startswith("ResourceNotFoundException")
    assert "business" not in letter.payload

    make_table(dynamodb, "jobs-Jobs", "job_name")
    put(pause_on_failures={"N": "1"})
    assert handle(*json.loads(letter.payload)["Records"]) == []
    found = TriggersTable(CLIENTS, "jobs-Triggers").pause("report")
    assert found
    assert found.paused
    assert dead_letters(bootstrap) == []


def test_what_waited_for_a_success_starts_when_its_dead_letter_message_is_redriven(bootstrap):
    machine = boto3.client("stepfunctions").create_state_machine(
        name="jobs-waiter",
        definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )["stateMachineArn"]
    dynamodb = boto3.client("dynamodb")
    dynamodb.delete_table(TableName="jobs-Triggers")

    assert handle(ended("SUCCEEDED")) == []

    [letter] = dead_letters(bootstrap)
    make_table(dynamodb, *RUNS, index=("status", "started_at"))
    DependantsTable(CLIENTS, "jobs-Triggers").change("waiter", before=(), after=("report",))
    put_run("report", RUN, "SUCCEEDED")
    assert handle(*json.loads(letter.payload)["Records"]) == []
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert len(found) == 1


@pytest.mark.parametrize(
    "record",
    [ended("QUEUED"), ended("SKIPPED", run="2026-11-21T01:00:00.000Z#message-1")],
    ids=["waits", "message"],
)
def test_what_the_sweep_sees_to_is_not_a_dead_letter_message(bootstrap, record):
    boto3.client("dynamodb").delete_table(TableName="jobs-Triggers")

    assert handle(record) == []
    assert dead_letters(bootstrap) == []


def test_what_cannot_even_be_kept_comes_again(bootstrap):
    boto3.client("dynamodb").delete_table(TableName="jobs-Jobs")
    boto3.client("sqs").delete_queue(QueueUrl=bootstrap["DEAD_LETTER_QUEUE_URL"])

    assert handle(ended("FAILED", "7")) == ["7"]


def test_a_step_that_may_work_later_brings_its_record_again(bootstrap):
    hand_in(dependants=Unavailable())

    assert handle(ended("SUCCEEDED")) == ["1"]
    assert dead_letters(bootstrap) == []
