"""Where a run's container logs is on its row as soon as it runs."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from provisioner.entrypoints import run_events
from tests.support.functions import Unavailable, deliver, hand_in

pytestmark = pytest.mark.usefixtures("bootstrap")

CAPTURED = Path(__file__).parents[2] / "events" / "task_state_change.json"
RUN = "2026-11-21T09:00:00.123Z#run-1"
STREAM = "job/job/0b8f6f9e5d1f4c7599ae0a8249aa4727"


def put(status="RUNNING"):
    item = {"job_name": {"S": "report"}, "trigger_id": {"S": RUN}, "status": {"S": status}}
    boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)


def stream():
    found = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
    assert len(found) <= 1
    return found[0].get("log_stream", {}).get("S") if found else None


def event(time="2026-11-21T09:00:10Z", variables=None, **changes):
    captured = json.loads(CAPTURED.read_text())
    captured["time"] = time
    captured["detail"] |= changes
    if variables is not None:
        named = [{"name": name, "value": value} for name, value in variables.items()]
        captured["detail"]["overrides"]["containerOverrides"][0]["environment"] = named
    return captured


def test_a_running_run_s_row_says_where_its_task_logs():
    put()

    deliver(run_events, event())

    assert stream() == STREAM


def test_the_last_attempt_counts_in_whatever_order_its_events_come():
    put()
    other = "arn:aws:ecs:eu-west-1:123456789012:task/jobs/1"

    deliver(run_events, event(time="2026-11-21T09:05:00Z", taskArn=other))
    deliver(run_events, event())

    assert stream() == "job/job/1"


@pytest.mark.parametrize("status", ["SUCCEEDED", "STOPPED"])
def test_a_run_that_has_ended_keeps_what_its_workflow_wrote(status):
    put(status)

    deliver(run_events, event())

    assert stream() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"variables": {"TRIGGER_ID": RUN, "FAN_OUT_INDEX": "1"}},
        {"variables": {"TRIGGER_ID": "#lock"}},
        {"variables": {}},
        {"overrides": {}},
        {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/payments:1"},
        {"taskArn": None},
    ],
    ids=str,
)
def test_other_tasks_are_none_of_our_runs(changes):
    put()

    deliver(run_events, event(**changes))

    assert stream() is None


def test_no_run_is_made_and_nothing_fails(caplog):
    deliver(run_events, event())
    assert stream() is None

    put()
    hand_in(triggers=Unavailable())
    deliver(run_events, event())
    assert "where a task logs was not written" in caplog.text
