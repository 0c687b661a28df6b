"""The Lambda functions on captured events, over moto."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto.sqs.models import sqs_backends

from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.stacks_table import StacksTable
from provisioner.entrypoints import (
    job_stream,
    reconcile_queue,
    run_events,
    stack_events,
    sweep,
    sweep_runs,
)
from provisioner.entrypoints.sweep_runs import MOST_OF_A_JOB
from provisioner.errors import (
    ProvisionerError,
    StackLimitError,
    TemporaryError,
    ThrottledError,
)
from provisioner.runs.model import iso
from provisioner.stacks.model import Deletion, JobStatus, StackRecord
from provisioner.stacks.rate_limits import Quota, Reservation
from tests.functional.conftest import ACCOUNT, REGION
from tests.support.clients import CLIENTS, heard
from tests.support.executions import start_execution, stop_execution
from tests.support.functions import Context, Unavailable, deliver, forget, hand_in, runtime

pytestmark = pytest.mark.usefixtures("bootstrap")

EVENTS = Path(__file__).parents[2] / "events"
ROW = {
    "job_name": {"S": "report"},
    "type": {"S": "lambda"},
    "runtime": {"S": "python3.13"},
    "handler": {"S": "app.handler"},
    "bundle": {"S": "s3://bundles/report.zip"},
    "memory_mb": {"S": "256"},
    "alarms": {"BOOL": False},  # moto has no AWS::CloudWatch::Alarm
}


def event(name, age_seconds=0):
    """Return a captured event; the records of a stream are as old as is said."""
    captured = json.loads((EVENTS / f"{name}.json").read_text())
    for record in captured.get("Records", ()):
        if "dynamodb" in record:
            written = datetime.now(UTC).timestamp() - age_seconds
            record["dynamodb"]["ApproximateCreationDateTime"] = written
    return captured


def put(**changes):
    boto3.client("dynamodb").put_item(TableName="jobs-Jobs", Item=ROW | changes)


def stacks():
    found = boto3.client("dynamodb").scan(TableName="jobs-Stacks")["Items"]
    return {item["job_name"]["S"]: item for item in found}


TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


def messages():
    """Return what is in the queue, and what is delayed."""
    kept = sqs_backends[ACCOUNT][REGION].queues["reconcile"]._messages
    return [json.loads(message.body) for message in kept]


def queued():
    return [message["job_name"] for message in messages()]


def test_a_stream_batch_creates_the_stack_and_names_what_is_wrong():
    put()
    boto3.client("dynamodb").put_item(TableName="jobs-Jobs", Item={"job_name": {"S": "Capitals"}})

    answer = deliver(job_stream, event("dynamodb_stream"))

    assert answer == {"batchItemFailures": []}
    stack = boto3.client("cloudformation").describe_stacks(StackName="jobs-report")["Stacks"][0]
    assert {"Key": "provisioner", "Value": "jobs"} in stack["Tags"]
    rows = stacks()
    assert rows["report"]["status"]["S"] == "CREATING"
    assert rows["report"]["stack_id"]["S"] == stack["StackId"]
    assert rows["Capitals"]["status"]["S"] == "INVALID"
    errors = [error["M"]["field"]["S"] for error in rows["Capitals"]["errors"]["L"]]
    assert "job_name" in errors


def test_the_stack_event_brings_the_arns():
    put()
    deliver(job_stream, event("dynamodb_stream"))

    deliver(stack_events, event("stack_status_change"))

    row = stacks()["report"]
    assert row["status"]["S"] == "READY"
    assert row["in_sync"]["BOOL"] is True
    assert row["state_machine_arn"]["S"].endswith(":stateMachine:jobs-report")
    assert row["lambda_arn"]["S"].endswith(":function:jobs-report")


def test_the_pinned_version_is_in_the_template():
    put()
    deliver(job_stream, event("dynamodb_stream"))

    template = boto3.client("cloudformation").get_template(StackName="jobs-report")
    version = boto3.client("s3").head_object(Bucket="bundles", Key="report.zip")["VersionId"]
    assert version in json.dumps(template["TemplateBody"])


def test_a_missing_bundle_is_said_and_heals():
    put(bundle={"S": "s3://bundles/missing.zip"})
    deliver(job_stream, event("dynamodb_stream"))
    row = stacks()["report"]
    assert row["status"]["S"] == "INVALID"
    assert row["errors"]["L"][0]["M"]["field"]["S"] == "bundle"
    assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []

    put()
    deliver(job_stream, event("dynamodb_stream"))

    assert stacks()["report"]["status"]["S"] == "CREATING"


def test_the_same_event_three_times_does_nothing_more():
    put()
    for _ in range(3):
        deliver(job_stream, event("dynamodb_stream"))
        deliver(stack_events, event("stack_status_change"))

    row = stacks()["report"]
    assert row["status"]["S"] == "READY"
    assert row["in_sync"]["BOOL"] is True
    assert len(boto3.client("cloudformation").describe_stacks()["Stacks"]) == 1


def test_a_removed_row_takes_its_stack_along():
    put()
    deliver(job_stream, event("dynamodb_stream"))
    deliver(stack_events, event("stack_status_change"))
    boto3.client("dynamodb").delete_item(TableName="jobs-Jobs", Key={"job_name": {"S": "report"}})

    deliver(job_stream, event("dynamodb_stream"))
    deliver(stack_events, event("stack_status_change"))

    assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []
    row = stacks()["report"]
    assert row["status"]["S"] == "DELETED"
    assert "lambda_arn" not in row
    assert "expires_at" in row


@pytest.mark.parametrize(
    "stack_id",
    [
        "arn:aws:cloudformation:eu-west-1:123456789012:stack/other-report/1",
        "arn:aws:cloudformation:eu-west-1:123456789012:stack/jobs-Network-1ABC/1",
    ],
    ids=["other-prefix", "nested-stack-of-the-bootstrap"],
)
def test_stacks_that_are_not_jobs_are_ignored(stack_id):
    captured = event("stack_status_change")
    captured["detail"]["stack-id"] = stack_id

    deliver(stack_events, captured)

    assert stacks() == {}


def test_a_reconcile_that_fails_is_queued_and_the_stream_continues(monkeypatch):
    put()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")

    answer = deliver(job_stream, event("dynamodb_stream"))

    assert answer == {"batchItemFailures": []}
    assert "report" not in stacks()
    assert queued() == ["report"]


def test_what_there_is_no_time_for_is_queued():
    put()

    answer = deliver(job_stream, event("dynamodb_stream"), Context(remaining_milliseconds=1000))

    assert answer == {"batchItemFailures": []}
    assert stacks()["report"]["status"]["S"] == "CREATING"
    assert queued() == ["Capitals"]


def test_what_cannot_even_be_queued_comes_again_from_the_stream(monkeypatch):
    put()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")

    answer = deliver(job_stream, event("dynamodb_stream"))

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [
        "4421584500000000017450439091",
        "4421584500000000017450439092",
    ]


def test_the_queue_reconciles():
    put()

    answer = deliver(reconcile_queue, event("sqs"))

    assert answer == {"batchItemFailures": []}
    assert stacks()["report"]["status"]["S"] == "CREATING"


def test_a_row_that_cannot_be_read_keeps_only_its_own_job():
    class Damaged(JobsTable):
        def get_many(self, job_names):
            if "Capitals" in job_names:
                raise ValueError("no row")
            return super().get_many(job_names)

    hand_in(jobs=Damaged(CLIENTS, "jobs-Jobs"))
    put()

    answer = deliver(job_stream, event("dynamodb_stream"))

    assert answer == {"batchItemFailures": []}
    assert stacks()["report"]["status"]["S"] == "CREATING"
    assert queued() == ["Capitals"]


def test_a_deletion_over_the_budget_is_counted_when_it_is_withheld(monkeypatch, capsys):
    put()
    deliver(job_stream, event("dynamodb_stream"))
    deliver(stack_events, event("stack_status_change"))
    boto3.client("dynamodb").delete_item(TableName="jobs-Jobs", Key={"job_name": {"S": "report"}})
    monkeypatch.setenv("DELETION_BUDGET_JOBS", "0")
    monkeypatch.setenv("DELETION_BUDGET_PERCENT", "0")
    forget()
    capsys.readouterr()

    deliver(job_stream, event("dynamodb_stream"))

    assert stacks()["report"]["deletion"]["S"] == Deletion.HELD
    assert '"DeletionsWithheld":[1.0]' in capsys.readouterr().out


class TestAJobThatMayEndTheFunction:
    def test_is_queued_when_its_record_has_waited_for_long(self):
        put()

        answer = deliver(job_stream, event("dynamodb_stream", age_seconds=61))

        assert answer == {"batchItemFailures": []}
        assert stacks() == {}
        assert messages() == [
            {"job_name": "report", "receives": 1},
            {"job_name": "Capitals", "receives": 1},
        ]

    def test_is_reconciled_when_there_is_no_queue(self, monkeypatch):
        put()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")

        answer = deliver(job_stream, event("dynamodb_stream", age_seconds=61))

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"

    def given(self, *bodies):
        """Send messages; return the event of their delivery."""
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName="reconcile")["QueueUrl"]
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
        )
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                }
                for message in received["Messages"]
            ]
        }

    def test_comes_last_and_alone(self):
        put()
        delivery = self.given(
            {"job_name": "first", "receives": 1},
            {"job_name": "second", "receives": 2, "retry": True},
            {"job_name": "report"},
        )

        answer = deliver(reconcile_queue, delivery)

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"
        # What was done is out of the queue already, the other comes in a message of its own.
        assert messages() == [
            {"job_name": "second", "receives": 2, "retry": True},
            {"job_name": "first", "receives": 1},
        ]

    def test_is_sent_on_when_there_is_no_time_for_it(self):
        delivery = self.given(
            {"job_name": "first", "receives": 1}, {"job_name": "second", "receives": 2}
        )

        answer = deliver(reconcile_queue, delivery, Context(remaining_milliseconds=1))

        assert answer == {"batchItemFailures": []}
        assert stacks() == {}
        sent = messages()[2:]
        assert sorted((each["job_name"], each["receives"]) for each in sent) == [
            ("first", 1),
            ("second", 2),
        ]

    def test_comes_alone_also_when_the_others_cannot_be_taken_out_of_the_queue(self):
        class Kept:
            """The queue, which takes messages and gives none away."""

            def __init__(self, queue):
                self._queue = queue

            def __getattr__(self, name):
                return getattr(self._queue, name)

            def forget(self, _handles):
                raise TemporaryError("no answer")

        hand_in(reconcile_queue=Kept(runtime().reconcile_queue))
        put()
        delivery = self.given({"job_name": "second", "receives": 2}, {"job_name": "report"})

        answer = deliver(reconcile_queue, delivery)

        assert answer == {"batchItemFailures": []}
        assert stacks()["report"]["status"]["S"] == "CREATING"

    def test_stays_when_it_cannot_be_sent_on(self, monkeypatch):
        delivery = self.given(
            {"job_name": "first", "receives": 1}, {"job_name": "second", "receives": 2}
        )
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")

        answer = deliver(reconcile_queue, delivery)

        ids = [record["messageId"] for record in delivery["Records"] if "first" in record["body"]]
        assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ids

    def test_is_a_dead_letter_message_when_it_did_so_each_time(self):
        delivery = self.given({"job_name": "report", "receives": 5})

        answer = deliver(reconcile_queue, delivery)

        assert answer == {"batchItemFailures": []}
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName="dead-letters")["QueueUrl"]
        (kept,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
        assert json.loads(kept["Body"])["job_name"] == "report"
        reason = kept["MessageAttributes"]["reason"]["StringValue"]
        assert reason == "the function ended over this job 5 times"
        assert stacks() == {}


def run_row(status="RUNNING", started="2026-11-21T09:00:00.123Z", name="run-1"):
    return {
        "job_name": {"S": "report"},
        "trigger_id": {"S": f"{started}#{name}"},
        "status": {"S": status},
        "started_at": {"S": started},
        "execution_arn": {
            "S": f"arn:aws:states:eu-west-1:123456789012:execution:jobs-report:{name}"
        },
    }


def triggers():
    found = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
    own = {"#backfill", "#recent"}
    return {key: item for item in found if (key := item["trigger_id"]["S"]) not in own}


def captured_end():
    captured = event("execution_status_change")
    started = int(datetime(2026, 11, 21, 9, 0, 0, 123000, tzinfo=UTC).timestamp() * 1000)
    captured["detail"] |= {"startDate": started, "stopDate": started + 10_333}
    return captured


@pytest.mark.usefixtures("batch_queues")
class TestRunEvents:
    def lock(self, owner):
        boto3.client("dynamodb").put_item(
            TableName="jobs-Triggers",
            Item={
                "job_name": {"S": "report"},
                "trigger_id": {"S": "#lock"},
                "owner": {"S": owner},
                "lease_until": {"N": "9999999999"},
            },
        )

    def put_run(self, item):
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)

    @pytest.mark.parametrize("times", [1, 3], ids=["once", "three-times"])
    def test_a_stopped_run_ends_and_frees_its_lock(self, times):
        self.put_run(run_row())
        self.lock("run-1")

        for _ in range(times):
            deliver(run_events, captured_end())

        rows = triggers()
        assert "owner" not in rows.pop("#lock")
        assert list(rows) == ["2026-11-21T09:00:00.123Z#run-1"]
        row = rows["2026-11-21T09:00:00.123Z#run-1"]
        assert row["status"]["S"] == "STOPPED"
        assert row["duration_ms"]["N"] == "10333"
        assert row["cause"]["S"] == "by hand"

    @pytest.mark.parametrize(
        ("status", "error", "logged"),
        [
            ("ABORTED", "Stopped", ("Stopped", "by hand")),
            ("ABORTED", None, (None, "by hand")),
            ("FAILED", "ValueError", (None, None)),
        ],
        ids=["stopped", "stopped without an error", "a job's own error"],
    )
    def test_the_log_says_why_a_run_was_stopped(self, caplog, status, error, logged):
        ended = captured_end()
        ended["detail"] |= {"status": status, "error": error}

        deliver(run_events, ended)

        (line,) = [record for record in caplog.records if record.msg == "run ended"]
        assert (getattr(line, "error", None), getattr(line, "cause", None)) == logged

    def test_rounding_of_the_start_does_not_matter(self):
        self.put_run(run_row(started="2026-11-21T09:00:00.000Z"))

        deliver(run_events, captured_end())

        assert triggers()["2026-11-21T09:00:00.000Z#run-1"]["status"]["S"] == "STOPPED"

    def test_what_the_run_recorded_itself_stays(self):
        self.put_run(run_row(status="FAILED"))

        deliver(run_events, captured_end())

        assert triggers()["2026-11-21T09:00:00.123Z#run-1"] == run_row(status="FAILED")

    def test_the_lock_of_another_run_stays(self):
        self.put_run(run_row())
        self.lock("run-2")

        deliver(run_events, captured_end())

        assert triggers()["#lock"]["owner"]["S"] == "run-2"

    @pytest.mark.parametrize(
        "change",
        [
            {"stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:theirs"},
            {"status": "RUNNING"},
        ],
        ids=["of somebody else", "not ended"],
    )
    def test_what_is_not_ours_to_complete(self, change):
        self.put_run(run_row())
        ended = captured_end()
        ended["detail"] |= change

        deliver(run_events, ended)

        assert triggers() == {run_row()["trigger_id"]["S"]: run_row()}

    def test_an_input_too_large_for_the_event_is_read_from_the_execution(self):
        waited = "2026-11-21T08:00:00.000Z#run-0"
        states = boto3.client("stepfunctions")
        wait = {"Type": "Wait", "Seconds": 99, "End": True}
        machine = states.create_state_machine(
            name="jobs-report",
            definition=json.dumps({"StartAt": "Wait", "States": {"Wait": wait}}),
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )["stateMachineArn"]
        given = json.dumps({"_run": {"waited": waited}})
        arn = start_execution(machine, "run-1", input=given)
        stop_execution(arn)
        self.put_run(run_row("QUEUED", "2026-11-21T08:00:00.000Z", "run-0"))
        ended = captured_end()
        ended["detail"] |= {"executionArn": arn, "input": None}

        deliver(run_events, ended)

        rows = {key: row for key, row in triggers().items() if key[0] != "#"}
        assert {key: row["status"]["S"] for key, row in rows.items()} == {waited: "STOPPED"}

    def test_an_execution_that_was_never_admitted_gets_its_row(self):
        deliver(run_events, captured_end())

        assert triggers()["2026-11-21T09:00:00.123Z#run-1"]["status"]["S"] == "STOPPED"


def put_unreadable(job_name, status="READY", version=None):
    """Write a Stacks row as a person might."""
    item = {
        "job_name": {"S": job_name},
        "status": {"S": status},
        "cloudformation_status": {"S": "WRITTEN_BY_HAND"},
        "updated_at": {"S": "2026-01-01T00:00:00.000Z"},
    }
    boto3.client("dynamodb").put_item(
        TableName="jobs-Stacks", Item=item | ({"version": version} if version else {})
    )


VERSIONS = {
    "a number": {"N": "7"},
    "none": None,
    "a text": {"S": "new"},
    "a fraction": {"N": "1.5"},
    "less than one": {"N": "0.5"},
    "zero": {"N": "0"},
    "negative": {"N": "-3"},
    "larger than any": {"N": "9.99E+125"},
}


class TestAnUnreadableStacksRow:
    @pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
    def test_is_made_again_from_the_stack(self, version):
        put()
        deliver(job_stream, event("dynamodb_stream"))
        deliver(stack_events, event("stack_status_change"))
        before = stacks()["report"]
        put_unreadable("report", version=version)

        deliver(job_stream, event("dynamodb_stream"))

        for name in ("status", "stack_id", "spec_digest", "deployed_digest", "state_machine_arn"):
            assert stacks()["report"][name] == before[name]

    @pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
    def test_of_which_only_the_version_is_wrong_is_written_again(self, version):
        put()
        deliver(job_stream, event("dynamodb_stream"))
        row = stacks()["report"]
        del row["version"]
        boto3.client("dynamodb").put_item(
            TableName="jobs-Stacks", Item=row | ({"version": version} if version else {})
        )

        deliver(stack_events, event("stack_status_change"))

        assert stacks()["report"]["status"]["S"] == "READY"
        assert int(stacks()["report"]["version"]["N"]) >= 1

    @pytest.mark.parametrize("attribute", ["updated_at", "next_attempt_at", "reservation"])
    def test_with_a_time_in_no_zone_ends_no_sweep(self, attribute):
        old = datetime.now(UTC) - timedelta(hours=1)
        StacksTable(CLIENTS, "jobs-Stacks").save(
            StackRecord("stuck", status=JobStatus.PENDING, updated_at=old)
        )
        written = {"updated_at": {"S": iso(old)}, attribute: {"S": "2026-01-01T00:00:00"}}
        if attribute == "reservation":
            at = {"quota": {"S": "create"}, "at": written[attribute], "kept": {"BOOL": True}}
            written[attribute] = {"M": at}
        item = {"job_name": {"S": "odd"}, "status": {"S": "PENDING"}, "version": {"N": "1"}}
        boto3.client("dynamodb").put_item(TableName="jobs-Stacks", Item=item | written)

        deliver(sweep, {})

        assert sorted(queued()) == ["odd", "stuck"]

    @pytest.mark.parametrize("status", ["CREATING", "PENDING"])
    def test_hides_no_other_from_the_sweep_and_is_reconciled(self, status):
        old = datetime.now(UTC) - timedelta(hours=1)
        put_unreadable("unreadable", status)
        StacksTable(CLIENTS, "jobs-Stacks").save(
            StackRecord("stuck", status=JobStatus(status), updated_at=old)
        )

        deliver(sweep, {})

        assert sorted(queued()) == ["stuck", "unreadable"]

    def test_hides_no_other_from_the_daily_check_and_is_reconciled(self):
        put()
        put_unreadable("unreadable")

        deliver(sweep, {"compare": True})

        assert sorted(queued()) == ["report", "unreadable"]


@pytest.mark.parametrize(
    ("error", "metric"),
    [
        (ThrottledError("Rate exceeded"), "ThrottledCalls"),
        (StackLimitError("Limit for stack has been exceeded"), "CreationsSuspended"),
    ],
    ids=["throttled", "at the limit of stacks"],
)
def test_a_creation_that_comes_too_early_is_counted_and_comes_again(capsys, error, metric):
    put()

    def refuse(**_):
        raise error

    cloudformation = runtime().clients.cloudformation
    with heard(cloudformation, "before-call.cloudformation.CreateStack", refuse):
        deliver(job_stream, event("dynamodb_stream"))

    assert f'"{metric}":[1.0]' in capsys.readouterr().out
    assert stacks()["report"]["status"]["S"] == "PENDING"
    assert queued() == ["report"]


def test_drift_that_cannot_be_detected_now_is_detected_later():
    put()
    deliver(job_stream, event("dynamodb_stream"))
    deliver(stack_events, event("stack_status_change"))
    hand_in(cloudformation=Unavailable())
    asked = event("sqs")
    asked["Records"] = asked["Records"][:1]
    asked["Records"][0]["body"] = json.dumps({"job_name": "report", "detect_drift": True})

    assert deliver(reconcile_queue, asked) == {"batchItemFailures": []}

    assert messages() == [{"job_name": "report", "detect_drift": True, "tries": 1}]


def test_a_stack_event_that_cannot_even_be_queued_comes_again():
    hand_in(stacks=Unavailable(), reconcile_queue=Unavailable())

    with pytest.raises(ProvisionerError, match="no answer"):
        deliver(stack_events, event("stack_status_change"))


class TestSweep:
    def test_a_step_that_fails_keeps_none_of_the_others(self):
        old = datetime.now(UTC) - timedelta(hours=1)
        stuck = StackRecord("stuck", status=JobStatus.CREATING, updated_at=old)
        StacksTable(CLIENTS, "jobs-Stacks").save(stuck)
        hand_in(triggers=Unavailable())

        with pytest.raises(TemporaryError, match="open: no answer"):
            deliver(sweep, {})

        assert queued() == ["stuck"]

    def test_revisions_stay_when_it_is_not_known_which_runs_need_them(self):
        put()
        ecs = boto3.client("ecs")
        ecs.register_task_definition(
            family="jobs-report", containerDefinitions=[{"name": "job", "image": "x", "memory": 1}]
        )
        hand_in(triggers=Unavailable())

        deliver(sweep, {"compare": True})

        assert queued() == ["report"]
        assert len(ecs.list_task_definitions()["taskDefinitionArns"]) == 1

    @pytest.mark.parametrize("down", ["task_definitions", "triggers"])
    def test_the_daily_check_does_not_need_the_rest_of_it(self, down):
        put(history_limit={"N": "3"})
        hand_in(**{down: Unavailable()})

        deliver(sweep, {"compare": True})

        assert queued() == ["report"]

    def test_a_stuck_job_is_queued_and_a_fresh_one_is_not(self):
        table = StacksTable(CLIENTS, "jobs-Stacks")
        now = datetime.now(UTC)
        old = now - timedelta(hours=1)
        table.save(StackRecord("stuck", status=JobStatus.CREATING, updated_at=old))
        table.save(StackRecord("fresh", status=JobStatus.CREATING, updated_at=now))
        table.save(StackRecord("well", status=JobStatus.READY, updated_at=old))

        deliver(sweep, {})

        assert queued() == ["stuck"]

    @pytest.mark.parametrize(
        ("status", "waits", "found"),
        [
            (JobStatus.PENDING, {"reservation": -3}, True),
            (JobStatus.PENDING, {"reservation": -1}, False),
            (JobStatus.PENDING, {"reservation": 10}, False),
            (JobStatus.PENDING, {}, True),
            (JobStatus.RETRYING, {"next_attempt_at": -3}, True),
            (JobStatus.RETRYING, {"next_attempt_at": 10}, False),
            (JobStatus.RETRYING, {"next_attempt_at": -30, "reservation": 5}, False),
            (JobStatus.PENDING, {"reservation": 24 * 60}, True),
            (JobStatus.RETRYING, {"next_attempt_at": 24 * 60}, True),
        ],
        ids=str,
    )
    def test_a_waiting_job_whose_message_is_lost_is_queued(self, status, waits, found):
        now = datetime.now(UTC)
        record = StackRecord("waits", status=status, updated_at=now - timedelta(minutes=20))
        for name, minutes in waits.items():
            at = now + timedelta(minutes=minutes)
            value = Reservation(Quota.CREATE, at) if name == "reservation" else at
            record = replace(record, **{name: value})
        StacksTable(CLIENTS, "jobs-Stacks").save(record)

        deliver(sweep, {})

        assert queued() == (["waits"] if found else [])

    def test_held_deletions_are_counted_each_time_and_left_alone(self, capsys):
        old = datetime.now(UTC) - timedelta(hours=1)
        for name in ("one", "two"):
            StacksTable(CLIENTS, "jobs-Stacks").save(
                StackRecord(name, status=JobStatus.PENDING, deletion=Deletion.HELD, updated_at=old)
            )

        for _ in range(2):
            deliver(sweep, {})

            assert queued() == []
            assert '"DeletionsWithheld":[2.0]' in capsys.readouterr().out

    def test_the_daily_check_counts_the_jobs(self):
        put()
        put(job_name={"S": "other"})

        deliver(sweep, {"compare": True})

        key = {"quota": {"S": "deletions"}}
        item = boto3.client("dynamodb").get_item(TableName="jobs-RateLimits", Key=key)["Item"]
        assert item["all_jobs"] == {"N": "2"}

    def test_the_daily_check_finds_what_no_event_reported_and_spreads_drift_detection(self):
        put()
        deliver(job_stream, event("dynamodb_stream"))
        deliver(stack_events, event("stack_status_change"))
        put(job_name={"S": "unseen"})
        boto3.client("cloudformation").create_stack(
            StackName="jobs-foreign", TemplateBody=json.dumps(TOPIC)
        )
        boto3.client("cloudformation").create_stack(
            StackName="jobs-orphan",
            TemplateBody=json.dumps(TOPIC),
            Tags=[{"Key": "provisioner", "Value": "jobs"}],
        )

        deliver(sweep, {"compare": True})

        looks = [message for message in messages() if "detect_drift" not in message]
        assert sorted(look["job_name"] for look in looks) == ["orphan", "unseen"]
        detections = [message for message in messages() if "detect_drift" in message]
        assert detections == [{"job_name": "report", "detect_drift": True}]

    def test_the_daily_check_deletes_nothing_when_a_table_was_emptied(self, capsys):
        names = [f"orphan-{number}" for number in range(11)]
        for name in names:
            boto3.client("cloudformation").create_stack(
                StackName=f"jobs-{name}",
                TemplateBody=json.dumps(TOPIC),
                Tags=[{"Key": "provisioner", "Value": "jobs"}],
            )

        deliver(sweep, {"compare": True})

        assert set(queued()).isdisjoint(names)
        assert '"DeletionsWithheld":[11.0]' in capsys.readouterr().out

    def test_waiting_runs_of_a_job_are_recovered_a_part_at_a_time(self):
        class Recovered:
            def __init__(self):
                self.given = {}

            def recover(self, job_name, queued):
                self.given[job_name] = list(queued)

        now = datetime.now(UTC)
        for number in range(MOST_OF_A_JOB + 1):
            old = run_row("QUEUED", started="2026-11-21T09:00:00.000Z", name=f"run-{number}")
            boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=old)
        control = Recovered()
        hand_in(run_control=control)

        sweep_runs.start_waiting_runs(runtime(), now)

        assert len(set(control.given["report"])) == MOST_OF_A_JOB

    def test_the_daily_check_finds_nothing_where_all_is_well(self):
        put(alarms={"BOOL": False}, tags={"M": {"team": {"S": "a"}}}, timeout_seconds={"N": "60"})
        deliver(job_stream, event("dynamodb_stream"))
        deliver(stack_events, event("stack_status_change"))

        deliver(sweep, {"compare": True})

        assert [m for m in messages() if "detect_drift" not in m] == []

    def test_the_daily_check_finds_a_row_that_a_parameter_no_longer_allows(
        self, bootstrap, monkeypatch
    ):
        put(alarms={"BOOL": False}, tags={"M": {"team": {"S": "a"}}})
        deliver(job_stream, event("dynamodb_stream"))
        deliver(stack_events, event("stack_status_change"))
        allowed = json.loads(bootstrap["ALLOWED"]) | {"reserved_tag_keys": "team"}
        monkeypatch.setenv("ALLOWED", json.dumps(allowed))
        forget()

        deliver(sweep, {"compare": True})

        assert queued() == ["report"]

    @pytest.mark.parametrize(("limit", "left"), [(3, 3), (200, 60), (None, 60)], ids=str)
    def test_once_a_day_old_runs_go(self, limit, left):
        put(**({"history_limit": {"N": str(limit)}} if limit else {}))
        client = boto3.client("dynamodb")
        for number in range(60):
            item = run_row("SUCCEEDED", f"2026-11-21T09:{number:02}:00.000Z", f"r{number}")
            client.put_item(TableName="jobs-Triggers", Item=item)
        running = run_row("RUNNING", "2026-11-20T09:00:00.000Z", "running")
        client.put_item(TableName="jobs-Triggers", Item=running)
        lock = {"job_name": {"S": "report"}, "trigger_id": {"S": "#lock"}}
        client.put_item(TableName="jobs-Triggers", Item=lock | {"status": {"S": "FREE"}})

        deliver(sweep, {"compare": True})

        rows = triggers()
        assert rows.pop("#lock")
        assert rows.pop(running["trigger_id"]["S"])
        newest = [f"2026-11-21T09:{number:02}:00.000Z#r{number}" for number in range(60 - left, 60)]
        assert sorted(rows) == newest

    def test_the_daily_check_deregisters_revisions_that_no_run_needs(self):
        put()
        deliver(job_stream, event("dynamodb_stream"))
        deliver(stack_events, event("stack_status_change"))
        ecs = boto3.client("ecs")
        arns = {}
        for family in ("jobs-report", "jobs-report", "jobs-unknown", "others"):
            made = ecs.register_task_definition(
                family=family, containerDefinitions=[{"name": "job", "image": "x", "memory": 128}]
            )["taskDefinition"]
            arns[f"{family}:{made['revision']}"] = made["taskDefinitionArn"]
        at = StacksTable(CLIENTS, "jobs-Stacks")
        ready = at.get_many(["report"])["report"]
        outputs = {**ready.outputs, "TaskDefinitionArn": arns["jobs-report:2"]}
        changed = datetime.now(UTC) - timedelta(hours=1)
        conditions = tuple(replace(c, last_transition_time=changed) for c in ready.conditions)
        at.save(replace(ready, outputs=outputs, conditions=conditions))
        running = run_row(started=iso(datetime.now(UTC) - timedelta(hours=2)))
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=running)

        deliver(sweep, {"compare": True})
        assert set(ecs.list_task_definitions()["taskDefinitionArns"]) == set(arns.values())

        ended = running | {"status": {"S": "SUCCEEDED"}}
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=ended)
        deliver(sweep, {"compare": True})

        left = set(arns.values()) - {arns["jobs-report:1"]}
        assert set(ecs.list_task_definitions()["taskDefinitionArns"]) == left

        found = at.get_many(["report"])["report"]
        at.save(replace(found, outputs={**ready.outputs, "LambdaArn": "x"}))  # the type has changed
        deliver(sweep, {"compare": True})

        assert not {a for a in ecs.list_task_definitions()["taskDefinitionArns"] if "-report:" in a}

    @pytest.mark.usefixtures("batch_queues")
    @pytest.mark.parametrize(
        ("age", "status"),
        [
            (timedelta(days=100), "STOPPED"),
            (timedelta(minutes=2), "STOPPED"),
            (timedelta(seconds=30), "RUNNING"),  # Step Functions may not know it yet
        ],
    )
    def test_a_run_that_step_functions_does_not_know_is_ended(self, age, status):
        item = run_row(started=iso(datetime.now(UTC) - age))
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)

        deliver(sweep, {})

        [row] = triggers().values()
        assert (row["status"]["S"], row["started_at"]) == (status, item["started_at"])

    @pytest.mark.usefixtures("batch_queues")
    def test_no_more_executions_are_asked_about_than_time_allows(self):
        for number in range(5):
            item = run_row(started=f"2026-11-21T09:00:00.00{number}Z")
            boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)

        ended = []
        for _ in range(3):
            sweep_runs.complete_ended_runs(runtime(), datetime.now(UTC), limit=2)
            ended.append([row["status"]["S"] for row in triggers().values()].count("STOPPED"))

        assert ended == [2, 4, 5]

    @pytest.mark.usefixtures("batch_queues")
    def test_a_run_whose_end_no_event_reported_is_ended(self):
        states = boto3.client("stepfunctions")
        definition = {
            "StartAt": "Wait",
            "States": {"Wait": {"Type": "Wait", "Seconds": 99, "End": True}},
        }
        machine = states.create_state_machine(
            name="jobs-report",
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )["stateMachineArn"]
        arn = start_execution(machine, "run-1")
        stop_execution(arn, error="x", cause="y")
        started = datetime.now(UTC) - timedelta(hours=1)
        item = run_row(started=iso(started)) | {"execution_arn": {"S": arn}}
        boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)

        deliver(sweep, {})

        assert [row["status"]["S"] for row in triggers().values()] == ["STOPPED"]
