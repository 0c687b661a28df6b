"""What Slack is sent, and what becomes of what it does not take: over moto and a local server."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto.sqs.models import sqs_backends

from provisioner.aws import secrets
from provisioner.aws.secrets import Secret
from provisioner.entrypoints import slack
from provisioner.entrypoints.slack import TIME_TO_SEND_MILLISECONDS
from provisioner.errors import PermanentError, TemporaryError
from provisioner.notifications import slack_client as client
from provisioner.notifications.document import to_document
from provisioner.notifications.slack_blocks import message
from provisioner.notifications.slack_client import Destination, destination, post
from tests.functional.conftest import ACCOUNT, REGION
from tests.functional.entrypoints.test_dead_letters import dead_letters
from tests.golden.update import NOTIFICATION
from tests.support.clients import CLIENTS
from tests.support.functions import Context, deliver
from tests.support.slack import OK, refused, slack_server, too_many


@pytest.fixture
def server():
    with slack_server() as running:
        yield running


@pytest.fixture
def world(request, server, monkeypatch):
    """The function's own parts: a secret, and a queue with messages in it."""
    request.getfixturevalue("bootstrap")
    world = World(server)
    monkeypatch.setenv("SLACK_SECRET_ARN", world.secret)
    monkeypatch.setenv("SLACK_QUEUE_URL", world.queue)
    return world


class World:
    def __init__(self, server):
        manager = boto3.client("secretsmanager")
        self.secret = manager.create_secret(Name="slack", SecretString=server.webhook)["ARN"]
        attributes = {"VisibilityTimeout": "360"}
        created = boto3.client("sqs").create_queue(QueueName="slack", Attributes=attributes)
        self.queue = created["QueueUrl"]

    def store(self, value):
        boto3.client("secretsmanager").put_secret_value(SecretId=self.secret, SecretString=value)

    def receive(self, *bodies):
        """Return the event with which Lambda hands over these messages."""
        sqs = boto3.client("sqs")
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(to_document(body))
            sqs.send_message(QueueUrl=self.queue, MessageBody=text)
        received = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)["Messages"]
        return {
            "Records": [
                {
                    "messageId": m["MessageId"],
                    "receiptHandle": m["ReceiptHandle"],
                    "body": m["Body"],
                }
                for m in received
            ]
        }

    def comes_again_in(self):
        """Return in how many seconds each message comes again, in their order."""
        messages = sqs_backends[ACCOUNT][REGION].queues["slack"]._messages
        return [round(m.visible_at / 1000 - time.time()) for m in messages]


ALARM = json.loads((Path(__file__).parents[2] / "events" / "alarm.json").read_text())


def named(name, **changes):
    return replace(NOTIFICATION, job_name=name, **changes)


def failed(answer, event):
    """Return the places of the messages that failed."""
    ids = [record["messageId"] for record in event["Records"]]
    return [ids.index(each["itemIdentifier"]) for each in answer["batchItemFailures"]]


def handle(event, context=None):
    return failed(deliver(slack, event, context), event)


def test_a_webhook_gets_the_message(world, server):
    assert handle(world.receive(NOTIFICATION)) == []

    [(path, headers, body)] = server.requests
    assert path == "/services/T0/B0/secret"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Authorization" not in headers
    assert body == message(NOTIFICATION)


@pytest.mark.parametrize(("own", "channel"), [(None, "#all"), ("#ops", "#ops")])
def test_a_bot_posts_to_the_jobs_channel_or_to_its_own(world, server, own, channel):
    world.store(server.bot)

    assert handle(world.receive(replace(NOTIFICATION, slack_channel=own))) == []

    [(path, headers, body)] = server.requests
    assert (path, headers["Authorization"]) == ("/api/chat.postMessage", "Bearer xoxb-1")
    assert body == message(NOTIFICATION) | {"channel": channel}


class TestLater:
    def test_when_slack_wants_nothing_the_rest_waits_too(self, world, server):
        server.planned = [OK, too_many(40)]

        answer = handle(world.receive(*map(named, "abcd")))

        assert answer == [1, 2, 3]
        assert server.headers_shown == [":x: a failed", ":x: b failed"]
        assert world.comes_again_in()[1:] == pytest.approx([40, 41, 42], abs=2)
        assert dead_letters() == []

    @pytest.mark.parametrize(
        ("said", "seconds"), [("0", 1), ("soon", 30), ("", 30), ("99999999", 900), ("-5", 30)]
    )
    def test_what_slack_says_is_kept_within_bounds(self, world, server, said, seconds):
        server.planned = [(429, "", {"Retry-After": said})]

        assert handle(world.receive(NOTIFICATION)) == [0]
        assert world.comes_again_in() == pytest.approx([seconds], abs=2)

    def test_a_limit_that_the_web_api_tells_in_its_body(self, world, server):
        world.store(server.bot)
        server.planned = [refused("ratelimited")]

        assert handle(world.receive(NOTIFICATION)) == [0]
        assert world.comes_again_in() == pytest.approx([30], abs=2)

    def test_a_message_that_cannot_be_held_back_comes_when_the_queue_says(self, world, server):
        server.planned = [too_many(5)]
        event = world.receive(NOTIFICATION)
        event["Records"][0]["receiptHandle"] = "stale"

        assert handle(event) == [0]
        assert world.comes_again_in() == pytest.approx([360], abs=2)

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_slack_that_is_unwell_is_asked_again_and_others_are_sent(self, world, server, status):
        server.planned = [(status, "oops", {})]

        assert handle(world.receive(named("a"), named("b"))) == [0]
        assert server.headers_shown == [":x: a failed", ":x: b failed"]
        assert dead_letters() == []

    @pytest.mark.parametrize("body", ['{"ok": false, "error": "fatal_error"}', "<html>", "[]"])
    def test_a_web_api_that_is_unwell(self, world, server, body):
        world.store(server.bot)
        server.planned = [(200, body, {})]

        assert handle(world.receive(NOTIFICATION)) == [0]
        assert dead_letters() == []

    def test_a_slack_that_cannot_be_reached(self, world):
        world.store("http://127.0.0.1:9/services/secret")

        assert handle(world.receive(NOTIFICATION)) == [0]
        assert dead_letters() == []

    def test_what_time_does_not_suffice_for(self, world, server):
        context = Context(remaining_milliseconds=TIME_TO_SEND_MILLISECONDS - 1)

        assert handle(world.receive(NOTIFICATION), context) == [0]
        assert server.requests == []

    def test_a_slack_that_hangs_is_not_waited_for(self, server):
        server.hanging.clear()

        with pytest.raises(TemporaryError, match="cannot be reached: ReadTimeoutError") as raised:
            post(destination(server.webhook), message(NOTIFICATION), read_seconds=0.1)
        assert "secret" not in str(raised.value)


NEVER = {
    "invalid payload": (400, "invalid_payload", {}),
    "no channel": (404, "channel_not_found", {}),
    "archived": (410, "channel_is_archived", {}),
    "moved": (302, "", {"Location": "/elsewhere"}),
}


class TestNever:
    @pytest.mark.parametrize("answer", NEVER.values(), ids=NEVER)
    def test_what_a_webhook_will_never_take_is_kept_at_once(self, world, server, answer):
        server.planned = [answer]
        event = world.receive(named("a"), named("b"))

        assert handle(event) == []

        assert server.headers_shown == [":x: a failed", ":x: b failed"]
        [(body, attributes)] = dead_letters()
        assert body == event["Records"][0]["body"]
        assert attributes["reason"].startswith(f"Slack refuses the message: {answer[0]}")
        assert (attributes["source"], attributes["error_type"]) == ("slack", "PermanentError")

    @pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "invalid_blocks"])
    def test_nor_the_web_api(self, world, server, error):
        world.store(server.bot)
        server.planned = [refused(error)]

        assert handle(world.receive(NOTIFICATION)) == []

        [(_, attributes)] = dead_letters()
        assert attributes["reason"] == f"Slack refuses the message: 200 {error}"

    @pytest.mark.parametrize(
        "body", ["", "no JSON", '{"AlarmName": "jobs-Provisioner-DeadLetters"}']
    )
    def test_a_message_that_is_not_a_notification(self, world, server, body):
        event = world.receive(NOTIFICATION)
        event["Records"][0]["body"] = body

        assert handle(event) == []

        assert server.requests == []
        [(_, attributes)] = dead_letters()
        assert attributes["error_type"] == "UnreadableError"

    def test_what_cannot_even_be_kept_comes_again(self, world, monkeypatch):
        event = world.receive(NOTIFICATION)
        event["Records"][0]["body"] = "no JSON"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")

        assert handle(event) == [0]


class TestAlarms:
    def test_dead_letter_messages_are_shown(self, world, server):
        assert handle(world.receive(json.dumps(ALARM))) == []

        [shown] = server.headers_shown
        assert shown.startswith(":rotating_light: Something failed for good")
        assert dead_letters() == []

    def test_what_notifications_say_is_not_said_twice(self, world, server):
        assert handle(world.receive(json.dumps(ALARM | {"AlarmName": "jobs-report"}))) == []
        assert server.requests == []
        assert dead_letters() == []


STALE = {
    "revoked webhook": (404, "no_service", {}),
    "unknown token": (401, "invalid_auth", {}),
    "forbidden": (403, "invalid_token", {}),
}


class TestSecret:
    @pytest.mark.parametrize("answer", STALE.values(), ids=STALE)
    def test_a_new_secret_is_found_at_once_when_the_old_one_is_refused(self, world, server, answer):
        assert handle(world.receive(named("a"))) == []
        world.store(f"{server.url}/services/new")
        server.planned = [answer]

        assert handle(world.receive(named("b"))) == []

        assert [path for path, _, _ in server.requests] == [
            "/services/T0/B0/secret",
            "/services/T0/B0/secret",
            "/services/new",
        ]
        assert dead_letters() == []

    def test_a_secret_that_stays_refused(self, world, server):
        world.store(server.bot)
        server.planned = [refused("invalid_auth")] * 2

        assert handle(world.receive(NOTIFICATION)) == []

        [(_, attributes)] = dead_letters()
        assert attributes["reason"] == "Slack refuses the secret: 200 invalid_auth"

    def test_it_is_read_once_and_again_after_five_minutes(self, world):
        now = [0.0]
        secret = Secret(CLIENTS, world.secret, clock=lambda: now[0])
        first = secret.value()
        world.store("changed")

        now[0] = secrets.KEPT_SECONDS - 1
        assert secret.value() == first
        now[0] = secrets.KEPT_SECONDS
        assert secret.value() == "changed"

    @pytest.mark.usefixtures("server")
    def test_a_secret_that_is_gone_is_said(self, world):
        boto3.client("secretsmanager").delete_secret(
            SecretId=world.secret, ForceDeleteWithoutRecovery=True
        )

        assert handle(world.receive(NOTIFICATION)) == []

        [(_, attributes)] = dead_letters()
        assert attributes["reason"].startswith("ResourceNotFoundException")

    def test_a_binary_secret_is_said(self, world):
        manager = boto3.client("secretsmanager")
        manager.put_secret_value(SecretId=world.secret, SecretBinary=b"x")

        with pytest.raises(PermanentError, match="is binary, not text"):
            Secret(CLIENTS, world.secret).value()


GOOD = {
    "webhook": (
        " https://hooks.slack.com/services/T/B/x\n",
        Destination("https://hooks.slack.com/services/T/B/x"),
    ),
    "loopback": ("http://127.0.0.1:8080/x", Destination("http://127.0.0.1:8080/x")),
    "bot": (
        '{"bot_token": "xoxb-1", "channel": "#ops"}',
        Destination(f"{client.API_URL}/chat.postMessage", "xoxb-1", "#ops"),
    ),
    "bot elsewhere": (
        '{"bot_token": "xoxb-1", "channel": "C1", "api_url": "https://slack-gov.com/api/"}',
        Destination("https://slack-gov.com/api/chat.postMessage", "xoxb-1", "C1"),
    ),
}
BAD = {
    "empty": "",
    "not encrypted": "http://hooks.slack.com/services/T/B/x",
    "looks like loopback": "http://127.0.0.1.example.org/x",
    "user before another host": "http://127.0.0.1@example.org/x",
    "another scheme": "file:///etc/passwd",
    "a token alone": "xoxb-1",
    "no host": "https:///x",
    "no address": "https://[x",
    "no channel": '{"bot_token": "xoxb-1"}',
    "an empty token": '{"bot_token": "", "channel": "#ops"}',
    "api not encrypted": '{"bot_token": "x", "channel": "#a", "api_url": "http://slack.com/api"}',
    "api is no text": '{"bot_token": "x", "channel": "#a", "api_url": 5}',
    "half an object": '{"bot_token": "xoxb-1"',
}


@pytest.mark.parametrize(("secret", "found"), GOOD.values(), ids=GOOD)
def test_what_a_secret_may_say(secret, found):
    assert destination(secret) == found


@pytest.mark.parametrize("secret", BAD.values(), ids=BAD)
def test_what_a_secret_may_not_say(secret):
    with pytest.raises(PermanentError, match="the Slack secret is no") as raised:
        destination(secret)
    assert not secret or secret not in str(raised.value)
