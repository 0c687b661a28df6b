"""What subscribers of the topic get of changes in the tables, over moto."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from provisioner.aws.jobs_table import JobsTable
from provisioner.entrypoints import notify, sweep
from provisioner.entrypoints.notify import TIME_TO_PUBLISH_MILLISECONDS
from provisioner.notifications.document import of_document
from provisioner.runs.model import iso
from tests.functional.entrypoints.test_dead_letters import NOWHERE, POISON, dead_letters, metrics
from tests.functional.entrypoints.test_entrypoints import ROW
from tests.support.clients import CLIENTS
from tests.support.functions import Context, deliver, forget, hand_in, runtime

pytestmark = pytest.mark.usefixtures("bootstrap")

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
def topic(bootstrap):
    sns = boto3.client("sns")
    arn = sns.create_topic(Name="jobs")["TopicArn"]
    assert arn.endswith(f":{bootstrap['NOTIFICATION_TOPIC']}")
    return arn


@pytest.fixture
def subscribe(topic):
    """Subscribe a queue; return what it got: documents and their attributes."""

    def subscribed(name="all", **attributes):
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        boto3.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true", **attributes},
        )

        def received():
            messages = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            ).get("Messages", [])
            return [
                (
                    json.loads(m["Body"]),
                    {k: v["StringValue"] for k, v in m["MessageAttributes"].items()},
                )
                for m in messages
            ]

        return received

    return subscribed


@pytest.fixture
def published(subscribe):
    return subscribe()


def events(messages):
    return [(document["job_name"], document["event"]) for document, _ in messages]


def row(name="report", **attributes):
    item = ROW | {"job_name": {"S": name}} | attributes
    boto3.client("dynamodb").put_item(TableName="jobs-Jobs", Item=item)


def run(status, name="report", trigger_id="2026-11-21T09:00:00.000Z#run-1", **attributes):
    """Return the record of a change of a run's status."""
    key = {"job_name": {"S": name}, "trigger_id": {"S": trigger_id}}
    image = key | {"status": {"S": status}, "source": {"S": "manual"}} | attributes
    old = key | {"status": {"S": "RUNNING" if status != "RUNNING" else "QUEUED"}}
    return {
        "eventName": "MODIFY",
        "dynamodb": {
            "Keys": key,
            "NewImage": image,
            "OldImage": old,
            "SequenceNumber": f"{status}-{name}",
        },
    }


def stack(status, name="report"):
    image = {
        "job_name": {"S": name},
        "status": {"S": status},
        "updated_at": {"S": iso(NOW)},
        "version": {"N": "3"},
        "failure": {"M": {"reason": {"S": "no such role"}, "resource": {"S": "Function"}}},
    }
    keys = {"job_name": {"S": name}}
    return {"dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": status}}


def handle(*records, context=None):
    return deliver(notify, {"Records": list(records)}, context)["batchItemFailures"]


def test_a_failed_run_is_published_with_all_that_filters_need(published):
    row()

    assert handle(run("FAILED", error={"S": "ContainerFailed"}, exit_code={"N": "3"})) == []

    [(document, attributes)] = published()
    assert document["notification_id"] == "report/2026-11-21T09:00:00.000Z#run-1/failed"
    assert (document["error"], document["exit_code"]) == ("ContainerFailed", 3)
    assert attributes == {
        "event": "failed",
        "job_name": "report",
        "status": "FAILED",
        "source": "manual",
        "severity": "error",
    }


def test_each_job_has_published_what_its_row_wants(published):
    row("by-default")
    row("chatty", notify={"L": [{"S": "started"}, {"S": "succeeded"}]}, slack_channel={"S": "#x"})
    row("silent", notify={"L": []})
    row("wrong", notify={"S": "everything"})
    names = ("by-default", "chatty", "silent", "wrong", "gone")

    handle(*(run(status, name) for status in ("RUNNING", "SUCCEEDED", "FAILED") for name in names))

    messages = published()
    assert sorted(events(messages)) == [
        ("by-default", "failed"),
        ("chatty", "started"),
        ("chatty", "succeeded"),
        ("gone", "failed"),
        ("wrong", "failed"),
    ]
    assert {document["job_name"]: document.get("slack_channel") for document, _ in messages} == {
        "by-default": None,
        "chatty": "#x",
        "gone": None,
        "wrong": None,
    }


def test_a_channel_that_is_not_open_to_rows_is_not_written_to(published, bootstrap, monkeypatch):
    allowed = json.loads(bootstrap["ALLOWED"]) | {"slack_channels": "#x"}
    monkeypatch.setenv("ALLOWED", json.dumps(allowed))
    forget()
    row("open", slack_channel={"S": "#x"})
    row("closed", slack_channel={"S": "#board"})

    handle(run("FAILED", "open"), run("FAILED", "closed"))

    channels = {document["job_name"]: document.get("slack_channel") for document, _ in published()}
    assert channels == {"open": "#x", "closed": None}


def test_a_failed_stack_is_published(published):
    row()

    handle(stack("FAILED"))

    [(document, attributes)] = published()
    assert (document["error"], document["cause"]) == ("Function", "no such role")
    assert (attributes["event"], attributes["source"]) == ("stack_failed", "stack")


def test_a_subscriber_gets_what_its_filter_lets_through(subscribe):
    row(notify={"L": [{"S": "failed"}, {"S": "started"}]})
    errors = subscribe("errors", FilterPolicy='{"severity": ["error"]}')
    manual = subscribe("manual", FilterPolicy='{"source": ["manual"], "event": ["started"]}')

    handle(run("RUNNING"), run("FAILED"))

    assert events(errors()) == [("report", "failed")]
    assert events(manual()) == [("report", "started")]


def test_the_same_record_twice_is_the_same_notification(published):
    row()

    handle(run("FAILED"))
    handle(run("FAILED"))

    first, second = (document for document, _ in published())
    assert first["notification_id"] == second["notification_id"]


class TestSlow:
    def before(self, *durations_ms, status="SUCCEEDED"):
        for index, took in enumerate(durations_ms):
            item = {
                "job_name": {"S": "report"},
                "trigger_id": {"S": f"2026-11-20T09:{index:02}:00.000Z#before-{status}"},
                "status": {"S": status},
                "duration_ms": {"N": str(took)},
            }
            boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)

    def finish(self, took):
        record = run("SUCCEEDED", duration_ms={"N": str(took)})
        item = record["dynamodb"]["NewImage"]
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)
        assert handle(record) == []

    def test_a_run_that_took_much_longer(self, published):
        row(slow_percent={"N": "50"})
        self.before(*[90_000] * 5, *[1000] * 10)  # only the last ten count
        self.before(*[1] * 20, status="FAILED")

        self.finish(1500)

        [(document, attributes)] = published()
        assert "50 % longer than the mean of the 10 successful runs" in document["cause"]
        assert (attributes["event"], attributes["severity"]) == ("slow", "warning")

    def test_a_run_as_usual(self, published):
        row(slow_percent={"N": "50"})
        self.before(*[1000] * 10)

        self.finish(1499)

        assert published() == []

    def test_a_job_that_does_not_ask(self, published):
        row()
        self.before(*[1000] * 10)

        self.finish(90_000)

        assert published() == []

    def test_success_and_slowness(self, published):
        row(slow_percent={"N": "50"}, notify={"L": [{"S": "succeeded"}, {"S": "slow"}]})
        self.before(*[1000] * 3)

        self.finish(9000)

        messages = published()
        assert sorted(events(messages)) == [("report", "slow"), ("report", "succeeded")]
        assert len({document["notification_id"] for document, _ in messages}) == 2

    def test_when_a_table_cannot_be_read_the_record_is_delivered_again(
        self, published, monkeypatch
    ):
        row(slow_percent={"N": "50"})
        monkeypatch.setenv("TRIGGERS_TABLE", "no-such-table")

        answer = handle(run("SUCCEEDED", duration_ms={"N": "1"}), run("FAILED"))

        assert answer == [{"itemIdentifier": "SUCCEEDED-report"}]
        assert events(published()) == [("report", "failed")]


class TestBroken:
    def test_a_topic_that_is_gone_blocks_nothing_and_loses_nothing(self, capsys):
        row()

        assert handle(run("FAILED"), stack("INVALID")) == []

        dead_letter_messages = dead_letters()
        assert [json.loads(body)["event"] for body, _ in dead_letter_messages] == [
            "failed",
            "stack_failed",
        ]
        for body, attributes in dead_letter_messages:
            assert of_document(json.loads(body)).job_name == "report"
            assert attributes["reason"].startswith("NotFound")
            assert (attributes["source"], attributes["job_name"]) == ("notify", "report")
        assert metrics(capsys) == {"DeadLetters": 2}

    def test_a_dead_letter_message_is_published_again(self, request):
        row()
        handle(run("FAILED"))
        [(body, _)] = dead_letters()
        published = request.getfixturevalue("published")

        assert deliver(notify, json.loads(body)) == {}

        assert events(published()) == [("report", "failed")]

    def test_a_dead_letter_message_that_fails_again_says_so(self):
        row()
        handle(run("FAILED"))
        [(body, _)] = dead_letters()

        with pytest.raises(Exception, match="NotFound"):
            deliver(notify, json.loads(body))

    @pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
    def test_a_poison_record_is_kept_and_its_neighbours_are_published(self, poison, published):
        row()

        assert handle(poison, run("FAILED")) == []

        assert events(published()) == [("report", "failed")]
        [(body, attributes)] = dead_letters()
        assert json.loads(body) == poison
        assert (attributes["source"], attributes["error_type"]) == ("notify", "UnreadableError")

    def test_what_cannot_even_be_kept_comes_again(self, monkeypatch):
        row()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", NOWHERE)

        assert handle(run("FAILED")) == [{"itemIdentifier": "FAILED-report"}]

    def test_rows_that_cannot_be_read_let_all_come_again(self, published, monkeypatch):
        monkeypatch.setenv("JOBS_TABLE", "no-such-table")

        assert handle(run("FAILED"), stack("FAILED")) == [
            {"itemIdentifier": "FAILED-report"},
            {"itemIdentifier": "FAILED"},
        ]
        assert published() == []

    def test_what_time_does_not_suffice_for_comes_again(self, published):
        row()
        context = Context(remaining_milliseconds=TIME_TO_PUBLISH_MILLISECONDS - 1)

        assert handle(run("FAILED"), context=context) == [{"itemIdentifier": "FAILED-report"}]
        assert published() == []


class TestWaiting:
    def queued(self, name="report", *, minutes, **attributes):
        since = iso(NOW - timedelta(minutes=minutes))
        item = {
            "job_name": {"S": name},
            "trigger_id": {"S": f"{since}#run"},
            "status": {"S": "QUEUED"},
            "source": {"S": "manual"},
            "started_at": {"S": since},
        }
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item | attributes)

    def rows(self):
        found = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
        return {item["job_name"]["S"]: item for item in found}

    def test_a_run_that_waits_too_long_is_published_once(self, published):
        row()
        self.queued(minutes=61)

        assert notify.queued_too_long(runtime(), NOW) == 1
        assert notify.queued_too_long(runtime(), NOW + timedelta(hours=1)) == 0

        [(document, attributes)] = published()
        assert (attributes["event"], attributes["status"]) == ("queued_too_long", "QUEUED")
        assert "longer than 60 min" in document["cause"]
        assert self.rows()["report"]["alerted_at"]["S"] == iso(NOW)

    def test_each_job_says_what_is_too_long(self, published):
        row("patient", queued_alert_minutes={"N": "120"})
        row("hasty", queued_alert_minutes={"N": "5"})
        row("silent", notify={"L": []})
        for name in ("patient", "hasty", "silent", "gone"):
            self.queued(name, minutes=61)

        assert notify.queued_too_long(runtime(), NOW) == 1

        assert events(published()) == [("hasty", "queued_too_long")]
        assert [name for name, item in self.rows().items() if "alerted_at" in item] == ["hasty"]

    def test_one_that_is_damaged_keeps_no_other(self, published):
        for name in ("damaged", "report"):
            row(name)
        self.queued("damaged", minutes=61, started_at={"S": "2025-13-45"})
        self.queued(minutes=61)

        assert notify.queued_too_long(runtime(), NOW) == 1
        assert events(published()) == [("report", "queued_too_long")]

    def test_their_inputs_are_not_read(self):
        self.queued(minutes=61, input={"S": '{"large": true}'}, log_url={"S": "https://logs"})

        [found] = runtime().history.queued(until=NOW)

        assert "input" not in found
        assert found["log_url"] == "https://logs"

    def test_the_rows_of_many_are_read_a_few_at_a_time(self):
        for number in range(12):
            row(f"job-{number}")
            self.queued(f"job-{number}", minutes=61)
        read = []

        class Observed(JobsTable):
            def get_many(self, job_names):
                read.append([*job_names])
                return super().get_many(job_names)

        hand_in(jobs=Observed(CLIENTS, "jobs-Jobs"))

        assert notify.queued_too_long(runtime(), NOW) == 12

        assert sorted(map(len, read)) == [2, 10]

    def test_one_that_has_started_in_the_meantime_is_not_published(self, published):
        row()
        self.queued(minutes=61, status={"S": "RUNNING"})

        assert notify.queued_too_long(runtime(), NOW) == 0
        assert published() == []

    def test_what_cannot_be_published_is_kept(self):
        row()
        self.queued(minutes=61)

        assert notify.queued_too_long(runtime(), NOW) == 1

        [(body, _)] = dead_letters()
        assert json.loads(body)["event"] == "queued_too_long"

    def test_the_sweep_looks_for_them(self, published):
        row(queued_alert_minutes={"N": "1"})
        since = iso(datetime.now(UTC) - timedelta(minutes=10))
        self.queued(minutes=0, started_at={"S": since}, input={"S": "{}"})
        held = {"owner": {"S": "other"}, "lease_until": {"N": str(int(time.time()) + 600)}}
        lock = {"job_name": {"S": "report"}, "trigger_id": {"S": "#lock"}}
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=lock | held)

        deliver(sweep, {})

        assert events(published()) == [("report", "queued_too_long")]
