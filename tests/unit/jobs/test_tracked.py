from __future__ import annotations

import pytest

from provisioner.jobs import parse, tracked_artifacts

REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report"
DIGEST = "@sha256:" + "a" * 64
LAMBDA = {"job_name": "report", "type": "lambda", "memory_mb": 256}
ZIP = LAMBDA | {"runtime": "python3.13", "handler": "app.handler"}
CONTAINER = {"job_name": "report", "cpu": 256, "memory_mb": 512}


@pytest.mark.parametrize(
    ("row", "tracked"),
    [
        (ZIP | {"bundle": "s3://bundles/a/b.zip"}, "s3/bundles/a/b.zip"),
        (ZIP | {"bundle": "s3://bundles/größe 1+1%20.zip"}, "s3/bundles/größe 1+1%20.zip"),
        (ZIP | {"bundle": "s3://bundles/a.zip?versionId=v1"}, None),
        (CONTAINER | {"type": "ecs", "build": {"source": "s3://bundles/a/src.zip"}},
         "s3/bundles/a/src.zip"),
        (CONTAINER | {"type": "ecs", "build": {"source": "s3://bundles/src.zip?versionId=v1"}},
         None),
        (LAMBDA | {"image": REPOSITORY}, "ecr/123456789012/eu-west-1/jobs/report:latest"),
        (LAMBDA | {"image": REPOSITORY + ":1"}, "ecr/123456789012/eu-west-1/jobs/report:1"),
        (LAMBDA | {"image": REPOSITORY + DIGEST}, None),
        (LAMBDA | {"image": REPOSITORY + ":1" + DIGEST}, None),
        (CONTAINER | {"type": "ecs", "image": REPOSITORY + ":1"},
         "ecr/123456789012/eu-west-1/jobs/report:1"),
        (CONTAINER | {"type": "batch", "image": REPOSITORY.replace("eu-west", "us-east")},
         "ecr/123456789012/us-east-1/jobs/report:latest"),
        (CONTAINER | {"type": "ecs", "image": "public.ecr.aws/docker/library/busybox:1.37"}, None),
        (CONTAINER | {"type": "ecs", "image": "busybox"}, None),
    ],
    ids=["bundle", "strange-key", "bundle-by-version", "source", "source-by-version", "no-tag",
         "tag", "digest", "tag-and-digest", "container", "other-region", "other-registry",
         "no-registry"],
)  # fmt: skip
def test_what_a_row_tracks(row, tracked):
    assert tracked_artifacts(parse(row)) == ((tracked,) if tracked else ())
