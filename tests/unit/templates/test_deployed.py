"""What a stack says of what runs in it, as the Stacks row shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

import templates
from provisioner.aws.stack_items import to_item
from provisioner.stacks.model import StackRecord
from tests.support.generated_rows import job_of, row_of
from tests.support.platforms import PLATFORM

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DIGEST = f"sha256:{'0' * 64}"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/words"
FUNCTION = {
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}


def container(image, pinned=None, tag=None):
    job = job_of(row_of({"type": "ecs", "image": image}))
    return job.with_image(pinned, tag=tag) if pinned else job


def function(version):
    job = job_of(row_of(FUNCTION))
    return job.model_copy(update={"bundle": replace(job.bundle, version_id=version)})


@pytest.mark.parametrize(
    ("job", "deployed"),
    [
        (
            container(f"{ECR}:3", f"{ECR}@{DIGEST}", "3"),
            {"image": f"{ECR}:3", "image_digest": DIGEST},
        ),
        (container(f"{ECR}@{DIGEST}"), {"image": ECR, "image_digest": DIGEST}),
        (container("ghcr.io/acme/app:3"), {"image": "ghcr.io/acme/app:3"}),
        (container("busybox"), {"image": "busybox"}),
        (function("v7"), {"bundle_version": "v7"}),
        (function(None), {}),
    ],
    ids=["pinned", "by-digest", "elsewhere", "no-tag", "bundle", "bundle-without-versions"],
)
def test_the_stacks_row_says_what_is_deployed(job, deployed):
    outputs = templates.build(job, PLATFORM, NOW).to_dict()["Outputs"]
    record = StackRecord("nightly", outputs={name: o["Value"] for name, o in outputs.items()})

    item = to_item(record)

    names = ("image", "image_digest", "bundle_version")
    assert {name: item[name] for name in names if name in item} == deployed


def test_a_task_pulls_by_digest_whatever_its_tag():
    template = templates.build(container(ECR, f"{ECR}@{DIGEST}", "3"), PLATFORM, NOW).to_dict()

    [definition] = template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert definition["Image"] == f"{ECR}@{DIGEST}"
