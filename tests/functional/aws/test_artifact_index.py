"""Which jobs track which artifacts, over moto: what is more than the contract (tests/contract)."""

from __future__ import annotations

import boto3
import pytest

from provisioner.aws.artifact_index import KEPT, ArtifactIndex
from tests.support.cli import NOW
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("bootstrap")

INDEX = ArtifactIndex(CLIENTS, "jobs-Triggers", lambda: NOW)
IMAGE = "ecr/123456789012/eu-west-1/jobs/report:1"


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
