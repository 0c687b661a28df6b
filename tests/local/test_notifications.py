"""From a failing run to Slack through the deployed functions, on the embedded engine."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

import pytest

from tests.local.conftest import SLACK
from tests.support.slack import slack_server, too_many

pytestmark = pytest.mark.engine

RAISING = {"handler": "code_under_test.raising"}


@pytest.fixture(scope="module", autouse=True)
def slack():
    """Play Slack, and do so before the engine is up: it sends what happens in other tests too."""
    with slack_server(urlsplit(SLACK).port) as server:
        yield server


@pytest.fixture
def failing(engine):
    name = engine.unique("fails")
    engine.put(engine.lambda_row(name, **RAISING))
    engine.wait_for(name, "READY")
    return name


def dead_letters(engine, name):
    """Return the messages about a job that were not delivered."""
    found = engine.dead_letter_messages("SlackDeadLetterQueueUrl")
    return [each for each in found if json.loads(each["Body"]).get("job_name") == name]


def test_a_failed_run_reaches_slack_though_slack_is_busy_first(engine, slack, failing):
    slack.planned_about[failing] = [too_many(2)]

    execution = engine.start(failing, {"_run": {"source": "manual"}})

    engine.wait_for_run(failing, execution, "FAILED")
    engine.wait(lambda: len(slack.about(failing)) == 2, "the message, sent again")
    refused, taken = slack.about(failing)
    assert refused == taken
    shown = json.dumps(taken)
    assert f":x: {failing} failed" in shown
    assert "no good" in shown
    assert "*Source*\\nmanual" in shown
    assert execution.rpartition(":")[2] in shown
    assert not dead_letters(engine, failing)


def test_a_row_that_is_wrong_reaches_slack(engine, slack):
    name = engine.unique("wrong")

    engine.put(engine.lambda_row(name, memory_mb=1))

    engine.wait(lambda: slack.about(name), "the message")
    [message] = slack.about(name)
    assert "memory_mb: must be a whole number" in json.dumps(message)


def test_a_message_that_slack_refuses_is_kept_with_its_reason(engine, slack, failing):
    slack.planned_about[failing] = [(404, "channel_not_found", {})]

    execution = engine.start(failing, {})

    engine.wait_for_run(failing, execution, "FAILED")
    [letter] = engine.wait(lambda: dead_letters(engine, failing), "the dead letter")
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "Slack refuses the message: 404 channel_not_found"


def test_a_run_that_waits_too_long_reaches_slack_by_the_sweep(engine, slack):
    name = engine.unique("waits")
    engine.put(engine.lambda_row(name, queued_alert_minutes=1))
    engine.wait_for(name, "READY")
    since = "2026-01-31T09:00:00.000Z"
    run = {"trigger_id": f"{since}#run", "status": "QUEUED", "started_at": since, "input": "{}"}
    held = {"trigger_id": "#lock", "owner": "another", "lease_until": int(time.time()) + 3600}
    for item in (held, run):
        engine.table("Triggers").put_item(Item={"job_name": name, **item})

    engine.sweep()

    engine.wait(lambda: slack.about(name), "the message")
    [message] = slack.about(name)
    assert f"It has waited since {since}, longer than 1 min." in json.dumps(message)
    [row] = engine.runs(name)
    assert row["alerted_at"] > since
