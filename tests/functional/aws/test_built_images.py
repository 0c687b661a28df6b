"""Images of jobs' builds in ECR, as moto has it."""

from __future__ import annotations

import json

import pytest
from moto import mock_aws

from provisioner.aws.built_images import BuiltImages
from provisioner.aws.clients import Clients

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
    assert len({each.digest for each in found}) == 3

    images.remove("report", [found[0].digest])
    images.remove("report", [found[0].digest])

    assert {each.digest for each in images.of("report")} == {each.digest for each in found[1:]}


def test_a_job_without_a_repository_has_none(clients):
    assert BuiltImages(clients, "jobs").of("other") == ()
