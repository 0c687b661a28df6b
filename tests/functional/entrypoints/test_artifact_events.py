"""A push redeploys the jobs that use what was pushed, over moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from provisioner.aws.artifact_index import KEPT, ArtifactIndex
from provisioner.entrypoints import (
    artifact_events,
    job_stream,
    reconcile_queue,
    stack_events,
    sweep,
)
from provisioner.errors import TemporaryError
from provisioner.events import UnreadableError
from tests.functional.entrypoints.test_entrypoints import event, messages, put, queued, stacks
from tests.support.clients import CLIENTS
from tests.support.functions import Unavailable, deliver, hand_in, runtime

pytestmark = pytest.mark.usefixtures("bootstrap")

IMAGE = "ecr/123456789012/eu-west-1/jobs/report:latest"


def created(key="report.zip", bucket="bundles"):
    captured = event("object_created")
    captured["detail"]["bucket"]["name"] = bucket
    captured["detail"]["object"]["key"] = key
    return captured


def pushed(tag="latest", **more):
    captured = event("image_pushed") | more
    captured["detail"]["image-tag"] = tag
    return captured


@pytest.fixture
def ready(bootstrap):
    del bootstrap
    put()
    deliver(job_stream, event("dynamodb_stream"))
    deliver(stack_events, event("stack_status_change"))
    assert stacks()["report"]["status"]["S"] == "READY"


@pytest.mark.usefixtures("ready")
def test_the_end_of_a_build_reconciles_its_job():
    deliver(artifact_events, event("build_state_change"))

    assert messages() == [{"job_name": "report"}]


@pytest.mark.usefixtures("ready")
def test_new_code_is_deployed():
    version = boto3.client("s3").put_object(Bucket="bundles", Key="report.zip", Body=b"PK2")

    deliver(artifact_events, created())

    assert messages() == [{"job_name": "report", "check_code": True}]
    body = json.dumps(messages()[0])
    record = {"messageId": "1", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
    deliver(reconcile_queue, {"Records": [record]})
    template = boto3.client("cloudformation").get_template(StackName="jobs-report")
    assert version["VersionId"] in json.dumps(template["TemplateBody"])
    assert stacks()["report"]["artifacts"]["L"] == [{"S": "s3/bundles/report.zip"}]


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    "pushed_elsewhere",
    [
        created(key="report.zip/"),
        created(key="Report.zip"),
        created(bucket="others"),
        created() | {"detail-type": "Object Deleted"},
        pushed(),
    ],
    ids=["another-key", "another-case", "another-bucket", "a-delete-marker", "an-image"],
)
def test_what_the_job_does_not_use_is_nothing_to_it(pushed_elsewhere):
    deliver(artifact_events, pushed_elsewhere)
    assert queued() == []


def test_a_push_is_for_the_jobs_of_its_tag():
    index = runtime().artifact_index
    index.add("untagged", [IMAGE], 1)
    index.add("tagged", [IMAGE.replace("latest", "1.0")], 1)
    index.add("abroad", [IMAGE.replace("eu-west-1", "us-east-1")], 1)
    index.add("of-others", [IMAGE.replace("123456789012", "210987654321")], 1)

    for _ in range(2):
        deliver(artifact_events, pushed("1.0"))
    deliver(artifact_events, pushed("1"))
    assert queued() == ["tagged", "tagged"]
    deliver(artifact_events, pushed())
    deliver(artifact_events, pushed(region="us-east-1"))
    deliver(artifact_events, pushed(account="210987654321"))
    assert queued()[2:] == ["untagged", "abroad", "of-others"]


def test_all_jobs_of_an_image_are_queued_in_batches_of_ten():
    names = [f"job-{number:03}" for number in range(41)]
    runtime().artifact_index.add_all((name, [IMAGE], 1) for name in names)

    deliver(artifact_events, pushed())

    assert queued() == names


def test_a_job_that_was_deleted_in_the_meantime_is_nothing():
    runtime().artifact_index.add("gone", [IMAGE], 1)
    deliver(artifact_events, pushed())
    body = json.dumps(messages()[0])
    record = {"messageId": "1", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}

    answer = deliver(reconcile_queue, {"Records": [record]})

    assert answer == {"batchItemFailures": []}
    assert stacks() == {}


@pytest.mark.parametrize("adapter", ["artifact_index", "reconcile_queue"])
def test_an_outage_is_tried_again_by_lambda(adapter):
    runtime().artifact_index.add("report", [IMAGE], 1)
    hand_in(**{adapter: Unavailable()})
    with pytest.raises(TemporaryError):
        deliver(artifact_events, pushed())


def test_an_event_that_nobody_can_read_is_an_error():
    with pytest.raises(UnreadableError):
        deliver(artifact_events, {"source": "aws.s3", "detail-type": "Object Created"})


@pytest.mark.usefixtures("ready")
def test_a_table_that_was_restored_has_all_jobs_again_after_the_daily_check():
    index = runtime().artifact_index
    index.remove("report", ["s3/bundles/report.zip"], 10**6)
    assert [*index.jobs_of("s3/bundles/report.zip")] == []

    deliver(sweep, {"compare": True})

    assert [*index.jobs_of("s3/bundles/report.zip")] == ["report"]


@pytest.mark.usefixtures("ready")
def test_the_daily_check_has_what_no_stacks_row_names_expire():
    """A function that ended between index and Stacks row leaves one; the next row names another."""
    a_week_ago = datetime.now(UTC) - timedelta(days=7)
    then = ArtifactIndex(CLIENTS, "jobs-Triggers", lambda: a_week_ago)
    then.add("report", ["s3/bundles/report.zip", "s3/bundles/never-recorded.zip"], 1)

    deliver(sweep, {"compare": True})

    items = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
    expiries = {each["job_name"]["S"]: int(each["expires_at"]["N"]) for each in items}
    assert expiries["#artifact#s3/bundles/never-recorded.zip"] == int(
        (a_week_ago + KEPT).timestamp()
    )
    assert expiries["#artifact#s3/bundles/report.zip"] > (a_week_ago + KEPT).timestamp()


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("asks", "status"),
    [([{"check_code": True}], "READY"), ([{"check_code": True}, {}], "CREATING")],
    ids=["a-push-alone", "a-push-and-another-reason"],
)
def test_a_push_alone_is_not_a_reason_to_look_at_the_stack(asks, status):
    boto3.client("cloudformation").delete_stack(StackName="jobs-report")
    records = [
        {
            "messageId": str(number),
            "body": json.dumps({"job_name": "report"} | ask),
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        for number, ask in enumerate(asks)
    ]

    assert deliver(reconcile_queue, {"Records": records}) == {"batchItemFailures": []}

    assert stacks()["report"]["status"]["S"] == status
