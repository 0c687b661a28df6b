"""From a failing run to Slack through the deployed functions, on the embedded engine."""

from __future__ import annotations

import json
import time

import pytest

from provisioner.local.clients import client
from provisioner.local.deploy import deploy
from provisioner.local.engine import Engine
from provisioner.local.home import Home
from provisioner.local.stack import DEFAULT_STACK
from tests.local.conftest import CHECKOUT, one_at_a_time
from tests.support.engine import EngineUnderTest
from tests.support.slack import slack_server, too_many

pytestmark = pytest.mark.engine

RAISING = {"handler": "code_under_test.raising"}


@pytest.fixture(scope="module")
def slack():
    with slack_server() as server:
        yield server


@pytest.fixture(scope="module")
def own(slack):
    """An engine of its own, that enforces IAM, whose bootstrap knows of Slack."""
    own = Engine(Home.of_checkout(CHECKOUT / ".provisioner" / "suite-slack"))
    try:
        with one_at_a_time():
            own.start(auth=True, fresh=True)
            secrets = client(own, "secretsmanager")
            arn = secrets.create_secret(Name="jobs/slack", SecretString=slack.webhook)["ARN"]
            deploy(own, parameters={"SlackSecretArn": arn})
        yield own
    finally:
        own.stop()
        assert not (own.home.folder / "tmp").exists()  # of the functions that it has run


@pytest.fixture(scope="module")
def engine(own):
    return EngineUnderTest({**own.environ(), "PROVISIONER_STACK": DEFAULT_STACK})


@pytest.mark.night
def test_jobs_and_their_runs_outlive_an_upgrade_of_the_bootstrap(own, engine):
    name = engine.unique("survivor")
    engine.put(engine.lambda_row(name, handler="code_under_test.slow"))
    engine.wait_for(name, "READY")
    execution = engine.start(name, {"seconds": 5})
    engine.wait_for_run(name, execution, "RUNNING")

    deploy(own, parameters={"DeletionBudgetJobs": "21"})

    assert engine.bootstrap()["StackStatus"] == "UPDATE_COMPLETE"
    engine.wait_for_run(name, execution, "SUCCEEDED")
    engine.wait_for(name, "READY", in_sync=True)
    engine.put(engine.lambda_row(name, handler="code_under_test.echo", memory_mb=256))
    engine.wait_for(name, "READY", until=lambda: engine.function_memory_mb(name) == 256)
    run = engine.start(name, {})
    engine.wait_for_run(name, run, "SUCCEEDED")


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
    assert not engine.dead_letter_messages("SlackDeadLetterQueueUrl")


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
    engine.wait(lambda: engine.dead_letter_messages("SlackDeadLetterQueueUrl"), "the dead letter")
    [letter] = engine.dead_letter_messages("SlackDeadLetterQueueUrl")
    assert json.loads(letter["Body"])["job_name"] == failing
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
