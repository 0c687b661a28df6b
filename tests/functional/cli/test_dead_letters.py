from __future__ import annotations

import io
import json
import zipfile
from itertools import count, permutations
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

from provisioner.aws.dead_letters import MOST, hold
from provisioner.notifications.document import of_document
from provisioner.service import dead_letters
from tests.support.cli import ACCOUNT, OUTPUTS, REGION, Provisioner
from tests.support.clients import CLIENTS

EVENTS = Path(__file__).parents[2] / "events"
ROLE = json.dumps({"Version": "2012-10-17", "Statement": []})
KEY = "aws/lambda/5d1f/shardId-1/2026/11/21/2026-11-21T09.20.00-0b8f6f9e"
IN_S3 = KEY.rpartition("/")[2]
QUEUED = ["ours", "redriven", "eventbridge", "lambda"]


def captured(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def put_dead_letter_message(name):
    """Put a captured dead-letter message in its place; return its id."""
    if name == "in-s3":
        body = (EVENTS / "stream_on_failure.json").read_bytes()
        CLIENTS.s3.put_object(Bucket="jobs-artifacts", Key=KEY, Body=body)
        return IN_S3
    message = captured(f"dead_letter_{name}")
    sent = CLIENTS.sqs.send_message(
        QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
        MessageBody=message["Body"],
        MessageAttributes=message["MessageAttributes"],
    )
    return sent["MessageId"]


@pytest.fixture
def here():
    """Yield a bootstrap whose functions can be invoked."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        provisioner = Provisioner()
        provisioner.build()
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        role = boto3.client("iam").create_role(RoleName="run-events", AssumeRolePolicyDocument=ROLE)
        for function in ("run_events", "run_stream", "job_stream", "notify"):
            CLIENTS.lambda_.create_function(
                FunctionName=f"jobs_{function}",
                Runtime="python3.13",
                Role=role["Role"]["Arn"],
                Handler="app.handler",
                Code={"ZipFile": code.getvalue()},
            )
        yield provisioner


@pytest.fixture
def invocations():
    """Collect the events that functions were invoked with."""
    events = []

    def called(params, **_):
        kind = params["headers"].get("X-Amz-Invocation-Type", "RequestResponse")
        events.append((kind, json.loads(params["body"])))

    CLIENTS.lambda_.meta.events.register("before-call.lambda.Invoke", called)
    yield events
    CLIENTS.lambda_.meta.events.unregister("before-call.lambda.Invoke", called)


def listed(here):
    result = here.run("dead-letters", "list", "--json")
    assert result.exit_code == 0
    return {message["id"]: message for message in json.loads(result.stdout)}


class TestList:
    def test_nothing(self, here):
        result = here.run("dead-letters", "list")

        assert result.exit_code == 0
        assert result.stdout == ""
        assert "There are no dead-letter messages." in result.stderr
        assert listed(here) == {}

    def test_every_form(self, here):
        ids = [put_dead_letter_message(name) for name in (*QUEUED, "poison", "in-s3")]

        lines = here.run("dead-letters", "list").stdout.splitlines()

        assert lines[0].split() == ["ID", "SINCE", "SOURCE", "JOBS", "REASON"]
        shown = {line.split()[0]: line for line in lines[1:]}
        assert shown.keys() == set(ids)
        for message_id, words in zip(
            ids,
            [
                ("reconcile_queue", "report", "PermanentError: AccessDeniedException"),
                ("reconcile_queue", "report", "MaxReceiveCount"),
                ("stack_events", "report", "NO_PERMISSIONS: User: events.amazonaws.com"),
                ("run_events", "report", "200: ThrottlingException"),
                ("job_stream", "-", "UnreadableError"),
                ("job_stream", "report, Capitals", "RetryAttemptsExhausted"),
            ],
            strict=True,
        ):
            assert all(word in shown[message_id] for word in words)

    def test_more_than_are_shown_at_once(self, here):
        numbers = count()

        def endless(**_):
            """Answer as a queue that is never empty."""
            messages = [
                {
                    "MessageId": f"m-{next(numbers)}",
                    "ReceiptHandle": "handle",
                    "Body": json.dumps({"job_name": "report"}),
                    "Attributes": {"SentTimestamp": "1700000000000"},
                }
                for _ in range(10)
            ]
            return SimpleNamespace(status_code=200), {"Messages": messages}

        events, event = CLIENTS.sqs.meta.events, "before-call.sqs.ReceiveMessage"
        events.register(event, endless)
        try:
            result = here.run("dead-letters", "list")
        finally:
            events.unregister(event, endless)

        assert len(result.stdout.splitlines()) == 1 + MOST
        assert "There may be more" in result.stderr

    def test_one_that_is_removed_while_they_are_read_is_left_out(self, here):
        put_dead_letter_message("in-s3")
        other = put_dead_letter_message("ours")
        events, event = CLIENTS.s3.meta.events, "after-call.s3.ListObjectsV2"

        def remove(**_):
            CLIENTS.s3.delete_object(Bucket="jobs-artifacts", Key=KEY)

        events.register(event, remove)
        try:
            assert listed(here).keys() == {other}
        finally:
            events.unregister(event, remove)

    def test_as_many_as_the_queue_counts_are_listed_at_once(self, here):
        ids = {put_dead_letter_message("ours") for _ in range(25)}

        for _ in range(2):  # they are given back each time
            found = dead_letters.list_messages(here.service, at_once=True)
            assert ({each.id for each in found.messages}, found.complete) == (ids, True)

    def test_while_another_reader_holds_them_there_may_be_more(self, here):
        put_dead_letter_message("ours")

        with hold(CLIENTS, here.service.dead_letters):
            found = dead_letters.list_messages(here.service, at_once=True)

        assert (found.messages, found.complete) == ((), False)

    def test_takes_nothing_away(self, here):
        ids = {put_dead_letter_message(name) for name in (*QUEUED, "in-s3")}

        assert listed(here).keys() == ids
        assert listed(here).keys() == ids

    def test_more_than_one_batch(self, here):
        ids = {put_dead_letter_message("ours") for _ in range(23)}

        assert listed(here).keys() == ids

    def test_json_holds_the_payload(self, here):
        ours, in_s3, broken = (
            put_dead_letter_message("ours"),
            put_dead_letter_message("in-s3"),
            "b-1",
        )
        CLIENTS.s3.put_object(Bucket="jobs-artifacts", Key="aws/lambda/b-1", Body=b"\xff{")

        messages = listed(here)

        assert messages[ours]["payload"] == {"job_name": "report"}
        assert messages[ours]["redrive"] == "reconcile"
        assert len(messages[in_s3]["payload"]["Records"]) == 3
        assert messages[broken]["redrive"] == "impossible"
        assert messages[broken]["payload"] == "\ufffd{"


class TestRedrive:
    def test_what_the_next_sweep_does_anyway_is_discarded(self, here):
        sent = CLIENTS.sqs.send_message(
            QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
            MessageBody=json.dumps({"source": "aws.scheduler"}),
        )

        result = here.run("dead-letters", "redrive", sent["MessageId"])

        assert result.exit_code == 0
        assert result.stdout == f"discarded  {sent['MessageId']}  nothing to do\n"
        assert here.queued() == []
        assert listed(here) == {}

    @pytest.mark.parametrize("name", ["ours", "redriven", "eventbridge"])
    def test_a_job_is_reconciled_again(self, here, name):
        message_id = put_dead_letter_message(name)

        result = here.run("dead-letters", "redrive", message_id)

        assert result.exit_code == 0
        assert result.stdout == f"redriven   {message_id}  report\n"
        assert here.queued() == [{"job_name": "report", "retry": True}]
        assert listed(here) == {}

    def test_records_of_the_stream_also_become_versions(self, here, invocations):
        put_dead_letter_message("in-s3")

        assert here.run("dead-letters", "redrive", IN_S3).exit_code == 0
        assert invocations == [("RequestResponse", {"failed_records": KEY})]
        assert [m["job_name"] for m in here.queued()] == ["report", "Capitals"]
        assert listed(here) == {}

    def test_the_end_of_a_run_reaches_its_function(self, here, invocations):
        message_id = put_dead_letter_message("lambda")

        result = here.run("dead-letters", "redrive", message_id)

        assert result.exit_code == 0
        assert result.stdout == f"redriven   {message_id}  run of report\n"
        assert invocations == [("Event", captured("execution_status_change"))]
        assert here.queued() == []
        assert listed(here) == {}

    def test_a_notification_is_published(self, here, invocations):
        message_id = put_dead_letter_message("notification")

        result = here.run("dead-letters", "redrive", message_id)

        assert result.exit_code == 0
        assert result.stdout == f"redriven   {message_id}  notification of report\n"
        [(kind, event)] = invocations
        assert kind == "RequestResponse"
        assert of_document(event).event == "failed"
        assert here.queued() == []
        assert listed(here) == {}

    @pytest.mark.parametrize("reader", ["notify", "run_stream"])
    def test_records_of_other_readers_are_given_to_them_again(self, here, invocations, reader):
        body = captured("stream_on_failure")
        body["requestContext"]["functionArn"] = f"arn:aws:lambda:eu-west-1:1:function:jobs_{reader}"
        CLIENTS.s3.put_object(Bucket="jobs-artifacts", Key=KEY, Body=json.dumps(body))

        assert here.run("dead-letters", "redrive", IN_S3).exit_code == 0
        assert invocations == [("RequestResponse", json.loads(body["payload"]))]
        assert here.queued() == []
        assert listed(here) == {}

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ({"errorMessage": "NotFound: no topic", "errorType": "X"}, "NotFound: no topic"),
            ({"batchItemFailures": [{"itemIdentifier": "1"}]}, "notify fails again"),
        ],
        ids=["error", "failures"],
    )
    def test_a_notification_that_cannot_be_published_stays(self, here, answer, reason):
        message_id = put_dead_letter_message("notification")
        backend = lambda_simple_backends[ACCOUNT][REGION]
        backend.lambda_simple_results_queue = [json.dumps(answer)]

        result = here.run("dead-letters", "redrive", message_id)

        assert result.exit_code == 1
        assert reason in result.stderr
        assert listed(here).keys() == {message_id}

    def test_all_but_what_nobody_can_read(self, here, invocations):
        poison, *_ = [put_dead_letter_message(name) for name in ("poison", *QUEUED, "in-s3")]

        result = here.run("dead-letters", "redrive", "--all")

        assert result.exit_code == 1
        assert f"unreadable {poison}" in result.stdout
        assert '1 cannot be redriven; see "provisioner dead-letters discard"' in result.stderr
        assert listed(here).keys() == {poison}
        assert sorted(kind for kind, _ in invocations) == ["Event", "RequestResponse"]
        assert {m["job_name"] for m in here.queued()} == {"report", "Capitals"}

    def test_what_is_readable_of_a_batch_is_done_and_the_message_stays(self, here):
        body = captured("stream_on_failure")
        batch = json.loads(body["payload"])
        del batch["Records"][0]["dynamodb"]["Keys"]
        body["payload"] = json.dumps(batch)
        CLIENTS.s3.put_object(
            Bucket="jobs-artifacts", Key="aws/lambda/partly", Body=json.dumps(body)
        )

        assert here.run("dead-letters", "redrive", "partly").exit_code == 1
        assert [m["job_name"] for m in here.queued()] == ["report", "Capitals"]
        assert listed(here).keys() == {"partly"}

    def test_the_others_stay(self, here):
        chosen, other = put_dead_letter_message("ours"), put_dead_letter_message("redriven")

        here.run("dead-letters", "redrive", chosen)

        assert listed(here).keys() == {other}

    def test_an_unknown_id_redrives_nothing(self, here):
        known = put_dead_letter_message("ours")

        result = here.run("dead-letters", "redrive", known, "nobody")

        assert result.exit_code == 1
        assert "there is no dead-letter message nobody" in result.stderr
        assert here.queued() == []
        assert listed(here).keys() == {known}

    @pytest.mark.parametrize("arguments", [(), ("--all", "1")], ids=["neither", "both"])
    def test_ids_or_all(self, here, arguments):
        assert here.run("dead-letters", "redrive", *arguments).exit_code == 2

    @pytest.mark.parametrize(
        "order", [*permutations(["ours", "eventbridge", "in-s3"])], ids=",".join
    )
    def test_three_times_in_any_order_asks_for_the_same(self, here, order):
        asked = []
        for _ in range(3):
            for name in order:
                put_dead_letter_message(name)
            assert here.run("dead-letters", "redrive", "--all").exit_code == 0
            asked.append({json.dumps(message) for message in here.queued()})

        assert asked == [asked[0]] * 3
        assert listed(here) == {}


class TestDiscard:
    @pytest.mark.parametrize("name", ["poison", "in-s3"])
    def test_removes(self, here, name):
        message_id, other = put_dead_letter_message(name), put_dead_letter_message("ours")

        result = here.run("dead-letters", "discard", message_id, stdin="y\n")

        assert result.exit_code == 0
        assert "Discard 1 dead-letter message? This cannot be undone." in result.stderr
        assert listed(here).keys() == {other}
        assert here.queued() == []

    def test_asks(self, here):
        message_id = put_dead_letter_message("ours")

        assert here.run("dead-letters", "discard", message_id, stdin="n\n").exit_code == 1
        assert listed(here).keys() == {message_id}
        assert here.run("dead-letters", "discard", message_id, "--yes").exit_code == 0
        assert listed(here) == {}
