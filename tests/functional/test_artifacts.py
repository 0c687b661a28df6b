"""Bundles and images, looked up and pinned, over moto."""

from __future__ import annotations

import json

import boto3
import pytest

from provisioner.aws.artifacts import pin
from provisioner.jobs import Rejected, parse

pytestmark = pytest.mark.usefixtures("bootstrap")

REGISTRY = "123456789012.dkr.ecr.{}.amazonaws.com"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"digest": "sha256:" + "0" * 64, "size": 2, "mediaType": "x"},
    "layers": [],
}


def container(image):
    return parse({"job_name": "words", "type": "ecs", "image": image})


def pushed(region):
    ecr = boto3.client("ecr", region_name=region)
    ecr.create_repository(repositoryName="jobs/words")
    put = ecr.put_image(
        repositoryName="jobs/words", imageTag="1", imageManifest=json.dumps(MANIFEST)
    )
    return put["image"]["imageId"]["imageDigest"]


@pytest.mark.parametrize("region", ["eu-west-1", "us-west-2"], ids=["own-region", "other-region"])
def test_a_tag_becomes_a_digest(region):
    digest = pushed(region)
    registry = REGISTRY.format(region)

    pinned = pin(container(f"{registry}/jobs/words:1"))

    assert pinned.image == f"{registry}/jobs/words@{digest}"
    assert pin(pinned) == pinned


@pytest.mark.parametrize("image", ["jobs/none:1", "jobs/words:2"], ids=["repository", "tag"])
def test_a_missing_image_is_said(image):
    pushed("eu-west-1")

    found = pin(container(f"{REGISTRY.format('eu-west-1')}/{image}"))

    assert isinstance(found, Rejected)
    assert found.errors[0].field == "image"
    assert "does not exist" in found.errors[0].message


def test_an_image_of_another_registry_is_taken_as_written():
    job = container("public.ecr.aws/docker/library/busybox:1")

    assert pin(job) is job


def bundle(uri):
    return parse(
        {
            "job_name": "report",
            "type": "lambda",
            "runtime": "python3.13",
            "handler": "app.handler",
            "bundle": uri,
        }
    )


def test_a_bundle_is_pinned_to_its_newest_version_or_the_named_one():
    s3 = boto3.client("s3")
    first = s3.head_object(Bucket="bundles", Key="report.zip")["VersionId"]
    second = s3.put_object(Bucket="bundles", Key="report.zip", Body=b"PK2")["VersionId"]

    assert pin(bundle("s3://bundles/report.zip")).bundle.version_id == second
    named = f"s3://bundles/report.zip?versionId={first}"
    assert pin(bundle(named)).bundle.version_id == first


@pytest.mark.parametrize("uri", ["s3://bundles/none.zip", "s3://no-such-bucket/report.zip"])
def test_a_missing_bundle_is_said(uri):
    found = pin(bundle(uri))

    assert isinstance(found, Rejected)
    assert "does not exist" in found.errors[0].message
