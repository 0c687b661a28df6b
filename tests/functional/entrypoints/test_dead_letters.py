"""What fails for good: kept with its payload and its reason, and no neighbour waits for it."""

from __future__ import annotations

import io
import json
import time

import boto3
import pytest
from moto.cloudformation.models import cloudformation_backends
from moto.sqs.models import sqs_backends

from provisioner.entrypoints import job_stream, reconcile_queue
from provisioner.entrypoints.function import logger
from provisioner.entrypoints.reconcile_queue import MAX_RECEIVES
from tests.functional.conftest import ACCOUNT, REGION
from tests.functional.entrypoints.test_entrypoints import event, put, queued, stacks
from tests.support.functions import deliver

pytestmark = pytest.mark.usefixtures("bootstrap")

NOWHERE = "http://127.0.0.1:9"


def dead_letters():
    """Return body and attributes of all messages in the dead-letter queue."""
    url = boto3.client("sqs").get_queue_url(QueueName="dead-letters")["QueueUrl"]
    received = boto3.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )
    return [
        (m["Body"], {k: v["StringValue"] for k, v in m.get("MessageAttributes", {}).items()})
        for m in received.get("Messages", ())
    ]


def metrics(capsys):
    """Return what the invocation published for the bootstrap as a whole."""
    published = {}
    for line in capsys.readouterr().out.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            assert directive["Namespace"] == "Provisioner"
            assert ["prefix"] in directive["Dimensions"]
            assert {"prefix", "service"} in map(set, directive["Dimensions"])
            assert (document["prefix"], document["service"]) == ("jobs", "provisioner")
            published |= {m["Name"]: sum(document[m["Name"]]) for m in directive["Metrics"]}
    return published


@pytest.fixture
def logged(monkeypatch):
    """Return what the functions have logged."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def stream(*poison):
    batch = event("dynamodb_stream")
    batch["Records"] += poison
    return batch


def message(body, *, receives=1, message_id="1"):
    found = event("sqs")["Records"][0]
    found |= {"body": body if isinstance(body, str) else json.dumps(body), "messageId": message_id}
    found["attributes"]["ApproximateReceiveCount"] = str(receives)
    return found


def queue_batch(*messages):
    return {"Records": list(messages)}


def spoil(job_name):
    """Have a stack of the job's name in a status that CloudFormation does not have today."""
    topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    boto3.client("cloudformation").create_stack(
        StackName=f"jobs-{job_name}", TemplateBody=json.dumps(topic)
    )
    (stack,) = cloudformation_backends[ACCOUNT][REGION].stacks.values()
    stack.status = "CONFUSED"


POISON = {
    "no-keys": {"eventID": "1", "dynamodb": {"SequenceNumber": "9"}},
    "empty": {},
    "no-record-at-all": None,
    "text": "record",
    "surrogate": {"dynamodb": {"Keys": {"job_name": {"S": "\ud800"}}, "SequenceNumber": "9"}},
    "too-long": {"dynamodb": {"Keys": {"job_name": {"S": "x" * 3000}}, "SequenceNumber": "9"}},
}


class TestStream:
    @pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
    def test_a_poison_record_is_kept_and_its_neighbours_are_served_at_once(self, poison, capsys):
        put()

        answer = deliver(job_stream, stream(poison))

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"
        assert stacks().keys() == {"report"}
        [(body, attributes)] = dead_letters()
        assert json.loads(body) == poison
        assert attributes["error_type"] == "UnreadableError"
        assert attributes["source"] == "job_stream"
        assert attributes["reason"]
        assert metrics(capsys) == {"Creates": 1, "DeadLetters": 1}

    def test_poison_first_or_last_makes_no_difference(self):
        put()
        batch = stream(POISON["no-keys"])
        batch["Records"].reverse()

        assert deliver(job_stream, batch) == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"

    def test_only_what_cannot_even_be_kept_comes_again(self, monkeypatch):
        put()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", NOWHERE)

        answer = deliver(job_stream, stream(POISON["no-keys"]))

        assert answer == {"batchItemFailures": [{"itemIdentifier": "9"}]}
        assert stacks()["report"]["status"]["S"] == "CREATING"

    def test_what_has_no_number_either_fails_the_batch(self, monkeypatch):
        put()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", NOWHERE)

        answer = deliver(job_stream, stream(POISON["empty"]))

        assert answer == {"batchItemFailures": [{"itemIdentifier": ""}]}

    def test_a_record_larger_than_a_message_is_cut(self):
        large = {"dynamodb": {"SequenceNumber": "9", "NewImage": {"x": {"S": "é" * 400_000}}}}

        assert deliver(job_stream, stream(large)) == {"batchItemFailures": []}
        [(body, _)] = dead_letters()
        assert 100_000 < len(body.encode()) <= 256 * 1024

    def test_a_stack_that_nobody_can_read_stops_only_its_own_job(self):
        put()
        spoil("broken")
        batch = event("dynamodb_stream")
        batch["Records"][2]["dynamodb"]["Keys"]["job_name"]["S"] = "broken"

        answer = deliver(job_stream, batch)

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"
        assert queued() == ["broken"]

    @pytest.mark.parametrize(("age_seconds", "come_again"), [(0, 3), (61, 0)])
    def test_tables_that_cannot_be_read_at_all_are_not_a_reason_to_stop(
        self, monkeypatch, age_seconds, come_again
    ):
        """Young records come again for the sake of their versions, and nothing else."""
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE)

        answer = deliver(job_stream, event("dynamodb_stream", age_seconds))

        assert len(answer["batchItemFailures"]) == come_again
        assert sorted(queued()) == ["Capitals", "report"]


class TestQueue:
    def test_an_unreadable_message_is_kept_at_once(self, capsys):
        put()

        answer = deliver(reconcile_queue, event("sqs"))

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"
        [(body, attributes)] = dead_letters()
        assert body == "not ours"
        assert attributes["error_type"] == "UnreadableError"
        assert attributes["source"] == "reconcile_queue"
        assert metrics(capsys) == {"Creates": 1, "DeadLetters": 1}

    def test_an_unreadable_message_that_cannot_be_kept_stays(self, monkeypatch):
        put()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", NOWHERE)

        answer = deliver(reconcile_queue, event("sqs"))

        kept = event("sqs")["Records"][1]["messageId"]
        assert answer == {"batchItemFailures": [{"itemIdentifier": kept}]}
        assert stacks()["report"]["status"]["S"] == "CREATING"

    def test_what_fails_is_handed_over_again(self):
        spoil("report")

        batch = queue_batch(message({"job_name": "report"}, receives=MAX_RECEIVES - 1))
        answer = deliver(reconcile_queue, batch)

        assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        assert dead_letters() == []

    def test_what_fails_for_the_last_time_is_kept_with_its_reason(self, capsys):
        put()
        spoil("broken")

        answer = deliver(
            reconcile_queue,
            queue_batch(
                message({"job_name": "broken", "retry": True}, receives=MAX_RECEIVES),
                message({"job_name": "report"}, message_id="2"),
            ),
        )

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"
        [(body, attributes)] = dead_letters()
        assert json.loads(body) == {"job_name": "broken", "retry": True}
        assert attributes == {
            "reason": "'CONFUSED' is not a valid StackStatus",
            "error_type": "ValueError",
            "source": "reconcile_queue",
            "job_name": "broken",
        }
        assert metrics(capsys) == {"Creates": 1, "DeadLetters": 1, "ReconcileErrors": 1}

    def test_what_passes_by_itself_never_gets_there(self, monkeypatch):
        put()
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE)

        batch = queue_batch(message({"job_name": "report", "retry": True}, receives=MAX_RECEIVES))
        answer = deliver(reconcile_queue, batch)

        assert answer == {"batchItemFailures": []}
        assert dead_letters() == []
        [again] = sqs_backends[ACCOUNT][REGION].queues["reconcile"]._messages
        assert json.loads(again.body) == {"job_name": "report", "retry": True, "tries": 1}

    @pytest.mark.parametrize(("tries", "seconds"), [(0, 10), (1, 20), (3, 80), (5, 320), (50, 320)])
    def test_what_keeps_failing_is_tried_ever_more_seldom(self, monkeypatch, tries, seconds):
        put()
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE)
        before = time.time()

        deliver(reconcile_queue, queue_batch(message({"job_name": "report", "tries": tries})))

        [again] = sqs_backends[ACCOUNT][REGION].queues["reconcile"]._messages
        assert json.loads(again.body)["tries"] == tries + 1
        delay_seconds = again.delayed_until / 1000 - before
        assert seconds - 1 <= delay_seconds <= seconds + 9

    def test_a_retry_forgets_what_has_failed(self):
        put()
        deliver(reconcile_queue, queue_batch(message({"job_name": "report"})))
        row = stacks()["report"]
        boto3.client("cloudformation").delete_stack(StackName="jobs-report")
        failure = {"reason": {"S": "Resource handler returned: no"}, "digest": row["spec_digest"],
                   "at": {"S": "2026-11-21T09:00:00.000Z"}}  # fmt: skip
        boto3.client("dynamodb").put_item(
            TableName="jobs-Stacks",
            Item=row | {"status": {"S": "FAILED"}, "failure": {"M": failure}},
        )

        deliver(reconcile_queue, queue_batch(message({"job_name": "report"})))
        assert stacks()["report"]["status"]["S"] == "FAILED"

        retry = message({"job_name": "report", "retry": True})
        deliver(reconcile_queue, queue_batch(retry))
        assert stacks()["report"]["status"]["S"] == "CREATING"


class TestWhatRedriveReports:
    def test_every_line_about_a_job_names_it_and_its_digest(self, logged):
        put()
        spoil("broken")
        batch = event("dynamodb_stream")
        batch["Records"][2]["dynamodb"]["Keys"]["job_name"]["S"] = "broken"

        deliver(job_stream, batch)

        lines = logged()
        assert {line["message"] for line in lines} == {"reconciled", "reconcile failed"}
        digests = {line["job_name"]: line["digest"] for line in lines}
        assert digests == {"report": stacks()["report"]["spec_digest"]["S"], "broken": "unknown"}

    def test_a_job_that_becomes_invalid_counts_once(self, capsys):
        put(bundle={"S": "s3://bundles/missing.zip"})
        deliver(job_stream, event("dynamodb_stream"))
        assert metrics(capsys) == {"JobsInvalid": 1}

        deliver(job_stream, event("dynamodb_stream"))
        assert metrics(capsys) == {}

    def test_a_job_that_fails_counts_once(self, capsys):
        boto3.client("cloudformation").create_stack(
            StackName="jobs-report",
            TemplateBody=json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}),
        )
        put()
        deliver(job_stream, event("dynamodb_stream"))
        assert stacks()["report"]["status"]["S"] == "FAILED"
        assert metrics(capsys) == {"JobsFailed": 1}

        deliver(job_stream, event("dynamodb_stream"))
        assert metrics(capsys) == {}
