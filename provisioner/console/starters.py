"""Rows to begin a new job with. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from provisioner.jobs import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

_IMAGE = "public.ecr.aws/docker/library/busybox:1.37"
_GREET = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40, "description": "The name to greet."},
        "times": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
    },
}

STARTERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "python-function": {
            "job_name": "my-function",
            "type": "lambda",
            "runtime": "python3.13",
            "handler": "main.handler",
            "bundle": "s3://${BundleBucketName}/my-function.zip",
            "timeout_seconds": 60,
            "payload": {"name": "world"},
            "payload_schema": _GREET,
        },
        "container": {
            "job_name": "my-container",
            "type": "ecs",
            "image": _IMAGE,
            "command": ["sh", "-c", "echo hello $JOB_NAME"],
            "cpu": 256,
            "memory_mb": 512,
            "timeout_seconds": 600,
        },
        "nightly-batch": {
            "job_name": "my-nightly-job",
            "type": "batch",
            "image": _IMAGE,
            "command": ["sh", "-c", "echo hello"],
            "schedule": "cron(0 2 * * ? *)",
            "timezone": "Europe/Berlin",
            "notify": ["failed"],
        },
        "machine": {
            "job_name": "my-machine-job",
            "type": "ec2",
            "image": _IMAGE,
            "command": ["sh", "-c", "nproc"],
            "instance_type": "m7g.large",
            "architecture": "arm64",
            "spot": "prefer",
        },
    }
)


def starter(name: str, outputs: Mapping[str, str]) -> dict[str, object]:
    """Return the row of an example, the first one if there is none of that name."""
    row = STARTERS.get(name, next(iter(STARTERS.values())))
    return placeholders.filled(row, outputs)[0]
