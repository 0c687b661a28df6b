"""Images and archives of jobs' builds, as moto has ECR and S3."""

from __future__ import annotations

import json

import pytest
from moto import mock_aws

from provisioner.aws.built_code import BuiltArchives, BuiltImages
from provisioner.aws.clients import Clients
from provisioner.errors import PermanentError
from provisioner.jobs.unbuilt import archive_key

MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "x", "size": 1, "digest": "sha256:" + "0" * 64},
    "layers": [],
}


@pytest.fixture
def clients():
    with mock_aws():
        made = Clients("eu-west-1")
        made.ecr.create_repository(repositoryName="jobs/report")
        for number in range(3):
            config = {**MANIFEST["config"], "digest": f"sha256:{number:064}"}
            made.ecr.put_image(
                repositoryName="jobs/report",
                imageManifest=json.dumps({**MANIFEST, "config": config}),
                imageTag=f"b-{number}",
                imageDigest=f"sha256:{number:064}",
            )
        yield made


def test_images_are_listed_and_removed(clients):
    images = BuiltImages(clients, "jobs")
    found = images.of("report")
    assert len({each.name for each in found}) == 3
    assert {tag for each in found for tag in each.tags} == {"b-0", "b-1", "b-2"}

    images.remove("report", [found[0].name])
    images.remove("report", [found[0].name])

    assert {each.name for each in images.of("report")} == {each.name for each in found[1:]}


def test_a_job_without_a_repository_has_none(clients):
    assert BuiltImages(clients, "jobs").of("other") == ()


FIRST, SECOND = (archive_key("report", letter * 64) for letter in "ab")
OTHERS = (
    archive_key("report-2", "a" * 64),
    "builds/report/notes.txt",
    f"builds/report/more/{'a' * 64}.zip",
    "report.zip",
)


@pytest.fixture
def bucket(clients):
    clients.s3.create_bucket(
        Bucket="bundles", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    for key in (FIRST, SECOND, *OTHERS):
        clients.s3.put_object(Bucket="bundles", Key=key, Body=b"x")
    return clients


def keys(clients):
    return {each["Key"] for each in clients.s3.list_objects_v2(Bucket="bundles")["Contents"]}


def test_archives_of_a_job_are_listed_and_removed_and_nothing_else(bucket):
    archives = BuiltArchives(bucket, "bundles")
    assert {each.name for each in archives.of("report")} == {FIRST, SECOND}

    archives.remove("report", [FIRST])
    archives.remove("report", [FIRST])

    assert keys(bucket) == {SECOND, *OTHERS}
    assert list(archives.of("nobody")) == []


@pytest.mark.parametrize("key", OTHERS)
def test_what_is_not_an_archive_of_the_job_is_not_removed(bucket, key):
    with pytest.raises(PermanentError, match="is not of a build of report"):
        BuiltArchives(bucket, "bundles").remove("report", [FIRST, key])

    assert keys(bucket) == {FIRST, SECOND, *OTHERS}
