"""What EventBridge Scheduler could not start: a row, a count, and never a run after all."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.triggers_table import TriggersTable
from provisioner.entrypoints import missed_schedules
from provisioner.errors import ConflictError
from provisioner.stacks.model import JobStatus, StackRecord
from tests.support.clients import CLIENTS, heard
from tests.support.functions import Unavailable, deliver, hand_in, runtime

EVENT = json.loads((Path(__file__).parents[2] / "events" / "missed_schedule.json").read_text())
[RECORD] = EVENT["Records"]
TICK = "#tick#jobs-report-0#2026-11-21T06:00:00Z"


def record(message_id="m", **attributes):
    """Return a message that differs from the captured one in attributes; None leaves one out."""
    made = copy.deepcopy(RECORD) | {"messageId": message_id}
    for name, value in attributes.items():
        if value is None:
            del made["messageAttributes"][name]
        else:
            made["messageAttributes"][name]["stringValue"] = value
    return made


def handle(*records):
    return deliver(missed_schedules, {"Records": list(records)})["batchItemFailures"]


def stacks():
    return StacksTable(CLIENTS, "jobs-Stacks")


def missed():
    return stacks().get_many(["report"])["report"].missed_schedules


def runs():
    return TriggersTable(CLIENTS, "jobs-Triggers").latest("report", 10)


def put(trigger_id):
    boto3.client("dynamodb").put_item(
        TableName="jobs-Triggers",
        Item={"job_name": {"S": "report"}, "trigger_id": {"S": trigger_id}},
    )


@pytest.fixture
def report(bootstrap):
    stacks().save(StackRecord("report", status=JobStatus.READY))
    return bootstrap


@pytest.mark.usefixtures("report")
def test_a_missed_schedule_is_a_skipped_run_and_is_counted():
    assert handle(RECORD) == []

    [run] = runs()
    assert run["status"] == "SKIPPED"
    assert run["source"] == "schedule"
    assert run["scheduled_for"] == "2026-11-21T06:00:00Z"
    assert run["error"] == "Missed"
    assert run["cause"] == "ExecutionLimitExceeded: Too many open executions"
    assert missed() == 1


@pytest.mark.usefixtures("report")
def test_a_message_that_comes_again_counts_once():
    handle(RECORD)
    assert handle(RECORD, record("other")) == []
    assert (len(runs()), missed()) == (1, 1)


@pytest.mark.usefixtures("report")
def test_missed_schedules_of_one_batch_are_all_counted():
    times = [f"2026-11-21T0{hour}:00:00Z" for hour in range(5)]
    handle(*(record(time, SCHEDULED_TIME=time) for time in times))
    assert sorted(run["scheduled_for"] for run in runs()) == times
    assert missed() == 5


@pytest.mark.usefixtures("report")
def test_its_scheduled_time_no_longer_starts_anything():
    handle(RECORD)
    key = {"job_name": {"S": "report"}, "trigger_id": {"S": TICK}}
    found = boto3.client("dynamodb").get_item(TableName="jobs-Triggers", Key=key)["Item"]
    assert int(found["expires_at"]["N"]) > 0


@pytest.mark.usefixtures("report")
def test_a_scheduled_time_that_had_its_run_was_not_missed():
    put(TICK)
    assert handle(RECORD) == []
    assert (runs(), missed()) == ([], 0)


@pytest.mark.usefixtures("bootstrap")
def test_a_job_that_is_gone_has_missed_nothing():
    assert handle(RECORD) == []
    assert runs() == []


@pytest.mark.usefixtures("report")
def test_a_reconcile_at_the_same_time_does_not_undo_the_count():
    read = stacks().get_many(["report"])["report"]
    handle(RECORD)
    with pytest.raises(ConflictError):
        stacks().save(replace(read, status=JobStatus.UPDATING))
    stacks().save(replace(stacks().get_many(["report"])["report"], status=JobStatus.UPDATING))
    assert missed() == 1


@pytest.mark.parametrize(
    "poison",
    [
        record(SCHEDULE_ARN=None),
        record(SCHEDULED_TIME="soon"),
        record(SCHEDULE_ARN="arn:aws:scheduler:eu-west-1:123456789012:schedule/other/other-a-0"),
        record(SCHEDULE_ARN=""),
        {**RECORD, "messageAttributes": {}},
    ],
    ids=["no-schedule", "no-time", "not-ours", "empty", "nothing"],
)
def test_what_names_no_scheduled_time_is_a_dead_letter_message_and_its_neighbour_counts(
    report, poison
):
    assert handle(poison, RECORD) == []
    sqs = boto3.client("sqs")
    [letter] = sqs.receive_message(
        QueueUrl=report["DEAD_LETTER_QUEUE_URL"], MessageAttributeNames=["All"]
    )["Messages"]
    assert letter["MessageAttributes"]["source"]["StringValue"] == "missed_schedules"
    assert missed() == 1


@pytest.mark.usefixtures("report")
def test_what_cannot_be_written_comes_again():
    def refuse(**_):
        error = {"Code": "TransactionCanceledException", "Message": "[TransactionConflict]"}
        return SimpleNamespace(status_code=400), {"Error": error}

    with heard(runtime().clients.dynamodb, "before-call.dynamodb.TransactWriteItems", refuse):
        assert handle(RECORD) == [{"itemIdentifier": RECORD["messageId"]}]
    assert missed() == 0


@pytest.mark.parametrize(
    ("code", "asked"),
    [("StateMachineDoesNotExist", [{"job_name": "report", "detect_drift": True}]), ("Other", [])],
    ids=["no-state-machine", "something-else"],
)
def test_without_a_state_machine_it_is_found_out_what_is_gone(report, code, asked):
    handle(record(ERROR_CODE=code))

    received = boto3.client("sqs").receive_message(QueueUrl=report["RECONCILE_QUEUE_URL"])
    assert [json.loads(m["Body"]) for m in received.get("Messages", ())] == asked


@pytest.mark.usefixtures("report")
def test_it_is_recorded_even_if_nothing_can_be_queued():
    hand_in(reconcile_queue=Unavailable())

    assert handle(record(ERROR_CODE="StateMachineDoesNotExist")) == []
    assert missed() == 1
