"""Which jobs track which artifacts, over moto."""

from __future__ import annotations

import boto3
import pytest

from provisioner.aws.artifact_index import KEPT, ArtifactIndex
from tests.support.cli import NOW
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("bootstrap")

INDEX = ArtifactIndex(CLIENTS, "jobs-Triggers", lambda: NOW)
IMAGE = "ecr/123456789012/eu-west-1/jobs/report:1"


def test_pairs_are_added_once_and_removed():
    for _ in range(2):
        INDEX.add("report", [IMAGE, "s3/bundles/größe 1.zip"], 1)
    INDEX.add("other", [IMAGE], 0)
    INDEX.add("third", [IMAGE + "0"], 1)
    assert [*INDEX.jobs_of(IMAGE)] == ["other", "report"]
    assert [*INDEX.jobs_of("s3/bundles/größe 1.zip")] == ["report"]

    for _ in range(2):
        INDEX.remove("other", [IMAGE], 2)
    assert [*INDEX.jobs_of(IMAGE)] == ["report"]
    assert [*INDEX.jobs_of("s3/bundles/none.zip")] == []


def test_a_pair_that_nobody_writes_again_expires():
    INDEX.add("report", [IMAGE], 1)

    [item] = boto3.client("dynamodb").scan(TableName="jobs-Triggers")["Items"]
    assert int(item["expires_at"]["N"]) == (NOW + KEPT).timestamp()


def test_what_a_person_wrote_beside_them_is_not_a_job():
    boto3.client("dynamodb").put_item(
        TableName="jobs-Triggers",
        Item={"job_name": {"S": "#artifact#" + IMAGE}, "trigger_id": {"S": "#note"}},
    )
    assert [*INDEX.jobs_of(IMAGE)] == []


def test_many_jobs_of_one_artifact():
    names = [f"job-{number:03}" for number in range(60)]
    INDEX.add_all((name, [IMAGE], 1) for name in names)
    assert [*INDEX.jobs_of(IMAGE)] == names


def test_what_another_reconcile_adds_at_the_same_time_stays():
    INDEX.add("report", [IMAGE], 7)
    INDEX.remove("report", [IMAGE], 7)
    assert [*INDEX.jobs_of(IMAGE)] == ["report"]
    INDEX.remove("report", [IMAGE], 8)
    assert [*INDEX.jobs_of(IMAGE)] == []
