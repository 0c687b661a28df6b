"""Rows to start from: each test says only what it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from provisioner.jobs import FieldError, InvalidRow, Job, parse

LAMBDA = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "main.handler",
    "bundle": "s3://my-bundles/nightly/code.zip",
}
ECS = {"job_name": "crunch", "type": "ecs", "image": "public.ecr.aws/docker/library/busybox:1.37"}
BATCH = ECS | {"type": "batch"}
EC2 = ECS | {"type": "ec2", "instance_type": "m7g.large"}
ROWS = {"lambda": LAMBDA, "ecs": ECS, "batch": BATCH, "ec2": EC2}


@pytest.fixture
def accepted() -> Callable[[str, Mapping[str, object]], Job]:
    """Parse a good row with changes, an absent one where the change is `...`."""

    def parse_row(kind: str, changes: Mapping[str, object]) -> Job:
        job = parse(_row(kind, changes))
        assert not isinstance(job, InvalidRow), job.errors
        return job

    return parse_row


@pytest.fixture
def refused() -> Callable[[str, Mapping[str, object]], tuple[FieldError, ...]]:
    def parse_row(kind: str, changes: Mapping[str, object]) -> tuple[FieldError, ...]:
        rejected = parse(_row(kind, changes))
        assert isinstance(rejected, InvalidRow), rejected
        return rejected.errors

    return parse_row


def _row(kind: str, changes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in (ROWS[kind] | changes).items() if value is not ...}
