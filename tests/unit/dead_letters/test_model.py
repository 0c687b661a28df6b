from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.dead_letters import model
from provisioner.dead_letters.content import Content, Redrive
from provisioner.dead_letters.model import of_object

EVENTS = Path(__file__).parents[2] / "events"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KEY = "aws/lambda/5d1f/shardId-1/2026/11/21/2026-11-21T09.20.00-0b8f6f9e"
NO_KEY = "a stream record names its job in dynamodb.Keys.job_name.S"


def captured(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def of_message(message):
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    return model.of_message(message["MessageId"], message["Body"], attributes, NOW, "jobs")


@pytest.mark.parametrize(
    ("name", "error_type", "reason", "content"),
    [
        ("ours", "PermanentError", "AccessDenied",
         Content("reconcile_queue", Redrive.RECONCILE, ("report",))),
        ("poison", "UnreadableError", NO_KEY,
         Content("job_stream", Redrive.IMPOSSIBLE, problem=f"1 of 1 records: {NO_KEY}")),
        ("redriven", "MaxReceiveCount", "the function ended before it was done",
         Content("reconcile_queue", Redrive.RECONCILE, ("report",))),
        ("eventbridge", "NO_PERMISSIONS", "User: events.amazonaws.com is not authorized",
         Content("stack_events", Redrive.RECONCILE, ("report",))),
        ("lambda", "200", "ThrottlingException: Rate exceeded",
         Content("run_events", Redrive.RUN_EVENT, ("report",))),
        ("notification", "PermanentError", "KMSAccessDeniedException",
         Content("notify", Redrive.NOTIFICATION, ("report",))),
    ],
)  # fmt: skip
def test_messages_of_the_dead_letter_queue(name, error_type, reason, content):
    message = captured(f"dead_letter_{name}")

    letter = of_message(message)

    assert letter.id == message["MessageId"]
    assert letter.error_type == error_type
    assert letter.reason.startswith(reason)
    assert letter.payload == message["Body"]
    assert letter.content == content


def test_a_missed_schedule_that_could_not_be_recorded():
    [record] = captured("missed_schedule")["Records"]
    attributes = {name: one["stringValue"] for name, one in record["messageAttributes"].items()}

    letter = model.of_message("1", record["body"], attributes, NOW, "jobs")

    assert letter.error_type == "ExecutionLimitExceeded"
    assert letter.content == Content(
        "missed_schedules",
        Redrive.IMPOSSIBLE,
        ("report",),
        "a scheduled time was missed: provisioner backfill starts its run",
    )


@pytest.mark.parametrize("name", ["notification_id", "notice_id"], ids=["now", "before"])
def test_a_notification_is_known_by_its_id(name):
    message = captured("dead_letter_notification")
    message["Body"] = message["Body"].replace("notice_id", name)

    content = of_message(message).content

    assert (content.source, content.redrive) == ("notify", Redrive.NOTIFICATION)


def test_a_call_of_the_sweep_is_not_made_again():
    message = captured("dead_letter_notification")
    message["Body"] = json.dumps({"source": "aws.scheduler"})

    assert of_message(message).content == Content("sweep", Redrive.NOTHING)


def test_a_notification_that_cannot_be_read():
    message = captured("dead_letter_notification")
    message["Body"] = json.dumps({"notification_id": "report/1/failed"})

    content = of_message(message).content

    assert (content.source, content.redrive) == ("notify", Redrive.IMPOSSIBLE)
    assert content.problem.startswith("a notification is an object with event")


def test_a_record_that_notify_could_not_read():
    message = captured("dead_letter_poison")
    message["MessageAttributes"]["source"]["StringValue"] = "notify"

    content = of_message(message).content

    assert content == Content("notify", Redrive.IMPOSSIBLE, problem=f"1 of 1 records: {NO_KEY}")


@pytest.mark.parametrize(
    ("reader", "redrive"),
    [("notify", Redrive.NOTIFICATION), ("run_stream", Redrive.RUN_RECORDS)],
)
def test_records_that_lambda_kept_of_other_readers(reader, redrive):
    body = captured("stream_on_failure")
    body["requestContext"]["functionArn"] = f"arn:aws:lambda:eu-west-1:1:function:jobs_{reader}"

    letter = of_object(KEY, json.dumps(body), NOW)

    assert letter.content == Content(reader, redrive, ("report", "Capitals"))


def test_records_that_lambda_kept():
    body = captured("stream_on_failure")

    letter = of_object(KEY, json.dumps(body), NOW)

    assert letter.id == "2026-11-21T09.20.00-0b8f6f9e"
    assert letter.error_type == "RetryAttemptsExhausted"
    assert letter.reason == "the function ended with Unhandled"
    assert letter.payload == body["payload"]
    assert letter.content == Content("job_stream", Redrive.RECONCILE, ("report", "Capitals"))


def test_a_record_without_a_job_keeps_no_other_back():
    body = captured("stream_on_failure")
    batch = json.loads(body["payload"])
    del batch["Records"][0]["dynamodb"]["Keys"]

    letter = of_object(KEY, json.dumps(body | {"payload": json.dumps(batch)}), NOW)

    assert letter.content == Content(
        "job_stream", Redrive.RECONCILE, ("report", "Capitals"), f"1 of 3 records: {NO_KEY}"
    )


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}, "sweep"),
        ({"source": "aws.cloudformation", "detail": {"stack-id": "a:stack/jobs-Net-1/2"}},
         "stack_events"),
        ({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}, "artifact_events"),
    ],
    ids=["the-next-sweep-comes-anyway", "no-jobs-stack", "nothing-was-pushed"],
)  # fmt: skip
def test_what_needs_nothing_done(body, source):
    letter = model.of_message("1", json.dumps(body), {}, NOW, "jobs")
    assert letter.content == Content(source, Redrive.NOTHING)


@pytest.mark.parametrize(
    "body",
    ["", "{", "null", "{}", '{"payload": ""}', '{"payload": "{}"}', '{"payload": {"Records": []}}',
     '{"payload": "{\\"Records\\": \\"report\\"}"}'],
)  # fmt: skip
def test_objects_that_hold_no_records(body):
    letter = of_object(KEY, body, NOW)
    assert letter.content == Content(
        "job_stream", Redrive.IMPOSSIBLE, problem="it holds no records"
    )


KEYS = st.sampled_from(
    ["source", "detail", "stack-id", "dynamodb", "Keys", "job_name", "S", "payload", "Records"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | KEYS, inner),
)


@given(JSON | st.text(), st.dictionaries(st.text(), st.text()))
def test_any_message_can_be_shown(value, attributes):
    for body in (json.dumps(value), str(value)):
        for letter in (
            model.of_message("1", body, attributes, NOW, "jobs"),
            of_object(KEY, body, NOW),
        ):
            assert letter.content.redrive is not Redrive.RECONCILE or letter.content.job_names
