"""From a failing run to Slack through the deployed functions, on the embedded engine."""

from __future__ import annotations

import json

import pytest

from provisioner.local.deploy import DEFAULT_STACK, client, deploy
from provisioner.local.engine import Engine
from provisioner.local.home import Home
from tests.local.conftest import CHECKOUT
from tests.support.engine import EngineUnderTest, alone
from tests.support.slack import slack_server, too_many

pytestmark = pytest.mark.engine

RAISING = {"handler": "code_under_test.raising"}


@pytest.fixture(scope="module")
def slack():
    with slack_server() as server:
        yield server


@pytest.fixture(scope="module")
def engine(slack):
    """An engine of its own, that enforces IAM: its bootstrap is told of Slack by its parameter."""
    own = Engine(Home.of_checkout(CHECKOUT / ".provisioner" / "suite-slack"))
    with alone(CHECKOUT):
        own.start(auth=True, fresh=True)
    try:
        secrets = client(own, "secretsmanager")
        arn = secrets.create_secret(Name="jobs/slack", SecretString=slack.webhook)["ARN"]
        with alone(CHECKOUT):
            deploy(own, parameters={"SlackSecretArn": arn})
        yield EngineUnderTest({**own.environ(), "PROVISIONER_STACK": DEFAULT_STACK})
    finally:
        own.stop()


@pytest.fixture
def failing(engine):
    name = engine.unique("fails")
    engine.put(engine.lambda_row(name, **RAISING))
    engine.wait_for(name, "READY")
    return name


def test_a_failed_run_reaches_slack_though_slack_is_busy_first(engine, slack, failing):
    slack.planned = [too_many(2)]

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
    assert not engine.letters("SlackDeadLetterQueueUrl")


def test_a_row_that_is_wrong_reaches_slack(engine, slack):
    name = engine.unique("wrong")

    engine.put(engine.lambda_row(name, memory_mb=1))

    engine.wait(lambda: slack.about(name), "the message")
    [message] = slack.about(name)
    assert "memory_mb: must be a whole number" in json.dumps(message)


def test_a_message_that_slack_refuses_is_kept_with_its_reason(engine, slack, failing):
    slack.planned = [(404, "channel_not_found", {})]

    execution = engine.start(failing, {})

    engine.wait_for_run(failing, execution, "FAILED")
    engine.wait(lambda: engine.letters("SlackDeadLetterQueueUrl"), "the dead letter")
    [letter] = engine.letters("SlackDeadLetterQueueUrl")
    assert json.loads(letter["Body"])["job_name"] == failing
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "Slack refuses the message: 404 channel_not_found"


def test_a_run_that_waits_too_long_reaches_slack_by_the_sweep(engine, slack):
    name = engine.unique("waits")
    engine.put(engine.lambda_row(name, queued_alert_minutes=1))
    engine.wait_for(name, "READY")
    since = "2026-01-31T09:00:00.000Z"
    run = {"trigger_id": f"{since}#run", "status": "QUEUED", "started_at": since}
    engine.client("dynamodb").put_item(
        TableName=engine.outputs["TriggersTableName"],
        Item={key: {"S": value} for key, value in {"job_name": name, **run}.items()},
    )

    engine.sweep()

    engine.wait(lambda: slack.about(name), "the message")
    [message] = slack.about(name)
    assert f"It has waited since {since}, longer than 1 min." in json.dumps(message)
    [row] = engine.runs(name)
    assert row["alerted_at"] > since
