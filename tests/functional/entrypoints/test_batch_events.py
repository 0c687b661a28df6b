"""What AWS Batch says while a job waits is on its run's row, until it has begun."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from provisioner.entrypoints import run_events
from tests.support.functions import Unavailable, deliver, hand_in

pytestmark = pytest.mark.usefixtures("bootstrap")

CAPTURED = Path(__file__).parents[2] / "events" / "batch_job_state_change.json"
RUN = "2026-11-21T09:00:00.123Z#run-1"


class Queues:
    """Batch's queues, in which the job has this place."""

    def __init__(self, position):
        self._position = position

    def position(self, queue_arn, batch_job_arn):
        assert queue_arn.endswith(":job-queue/jobs_low")
        assert ":job/" in batch_job_arn
        return self._position


def put(**attributes):
    item = {"job_name": {"S": "report"}, "trigger_id": {"S": RUN}}
    values = {name: {"S": value} for name, value in ({"status": "RUNNING"} | attributes).items()}
    boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item | values)


def pending():
    found = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
    assert len(found) <= 1
    return found[0].get("pending_reason", {}).get("S") if found else None


def deliver_event(time="2026-11-21T09:00:10Z", **changes):
    captured = json.loads(CAPTURED.read_text())
    captured["time"] = time
    captured["detail"] |= changes
    deliver(run_events, captured)


@pytest.mark.parametrize(
    ("position", "reason", "expected"),
    [
        (None, None, "waits in jobs_low"),
        (3, None, "is number 3 in the queue jobs_low"),
        (1, "CAPACITY: none", "is number 1 in the queue jobs_low: CAPACITY: none"),
    ],
)
def test_why_a_job_waits(position, reason, expected):
    hand_in(batch_jobs=Queues(position))
    put()

    deliver_event(**({"statusReason": reason} if reason else {}))

    assert pending() == expected


def test_the_place_in_the_queue_may_be_unknown():
    hand_in(batch_jobs=Unavailable())
    put()

    deliver_event()

    assert pending() == "waits in jobs_low"


def test_an_event_that_cannot_be_written_is_not_worth_another(caplog):
    put()
    hand_in(batch_jobs=Queues(None), triggers=Unavailable())

    deliver_event()

    assert pending() is None
    assert "the reason of waiting was not written" in caplog.text


EARLIER, LATER = "2026-11-21T09:00:10Z", "2026-11-21T09:00:20Z"
ORDERS = {
    "waits, then runs": ([(EARLIER, "RUNNABLE"), (LATER, "RUNNING")], False),
    "in another order": ([(LATER, "RUNNING"), (EARLIER, "RUNNABLE")], False),
    "within a second": ([(EARLIER, "RUNNING"), (EARLIER, "RUNNABLE")], False),
    "waits again": ([(EARLIER, "RUNNING"), (LATER, "RUNNABLE")], True),
    "twice": ([(EARLIER, "RUNNABLE"), (EARLIER, "RUNNABLE")], True),
}


@pytest.mark.parametrize(("events", "waits"), ORDERS.values(), ids=ORDERS)
def test_the_latest_event_decides_in_whatever_order_they_come(events, waits):
    hand_in(batch_jobs=Queues(None))
    put()

    for time, status in events:
        deliver_event(time, status=status)

    assert (pending() is not None) is waits


def begun(time, **changes):
    captured = json.loads(CAPTURED.read_text())["detail"]
    container = captured["container"] | {"logStreamName": changes.pop("stream", "job/job/1a")}
    deliver_event(time, status="RUNNING", container=container, **changes)


def log_stream():
    (found,) = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
    return found.get("log_stream", {}).get("S")


def test_where_a_job_logs_is_known_while_it_runs():
    put(pending_reason="waits in jobs_low", pending_at=EARLIER)

    begun(EARLIER)
    assert (pending(), log_stream()) == (None, "job/job/1a")
    begun(LATER, stream="job/job/2b")
    begun(EARLIER)
    assert log_stream() == "job/job/2b"


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        ("SUCCEEDED", {}),
        ("RUNNING", {"arrayProperties": {"size": 3}}),
        ("RUNNING", {"stream": ""}),
        ("RUNNING", {"stream": "x" * 513}),
        ("RUNNING", {"stream": 7}),
    ],
)
def test_where_it_logs_is_not_taken(status, changes):
    put(status=status, pending_reason="waits in jobs_low", pending_at=EARLIER)

    begun(LATER, **changes)

    assert (pending(), log_stream()) == (None, None)


def test_that_it_ran_is_heard_after_its_end():
    hand_in(batch_jobs=Queues(None))
    put(status="SUCCEEDED", pending_reason="waits in jobs_low", pending_at=EARLIER)

    deliver_event(LATER, status="RUNNING")

    assert pending() is None


@pytest.mark.parametrize(
    ("attributes", "changes"),
    [
        ({"status": "SUCCEEDED"}, {}),
        ({}, {"jobDefinition": "arn:aws:batch:eu-west-1:123456789012:job-definition/payments:1"}),
        ({}, {"container": {"environment": []}}),
        ({}, {"container": {"environment": [{"name": "TRIGGER_ID", "value": "#lock"}]}}),
        ({}, {"container": {}}),
        (
            {},
            {
                "container": {
                    "environment": [
                        {"name": "TRIGGER_ID", "value": RUN},
                        {"name": "FAN_OUT_INDEX", "value": "3"},
                    ]
                }
            },
        ),
    ],
    ids=["ended", "no job of ours", "no run", "no run's key", "no variables", "an item"],
)
def test_what_is_not_about_a_running_run_is_left_alone(attributes, changes):
    hand_in(batch_jobs=Queues(None))
    put(**attributes)

    deliver_event(**changes)

    assert pending() is None


def test_a_run_without_a_row_gets_none():
    hand_in(batch_jobs=Queues(None))

    deliver_event()

    assert boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"] == []
