"""Rows of every type and option: the same ones each time, for checks of what is built from them.

Each commit draws an eighth of what is built, the night builds all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import templates
from provisioner.jobs import InvalidRow, Job, S3Object, parse
from provisioner.jobs.unbuilt import archive_key, is_unbuilt, kind_of_build
from tests.support.drawn import one_of
from tests.support.platforms import PLATFORM

ROWS_OF_A_TYPE = 160
PARTS = 8

_STATEMENT = {
    "Action": ["s3:GetObject"],
    "Resource": "arn:aws:s3:::data/*",
    "Condition": {"StringEquals": {"aws:PrincipalTag/team": "data"}},
}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
_GROUPS = {"security_groups": ["sg-0123456789abcdef0"]}

COMMON: dict[str, tuple[Any, ...]] = {
    "description": (None, "What it does: ${x}"),
    "owner": (None, "data team"),
    "tags": (None, {"cost-center": "42"}),
    "schedule": (
        None,
        "rate(5 minutes)",
        ["cron(0 6 * * ? *)", "at(2099-01-01T00:00:00)"],
    ),
    "timezone": (None, "Europe/Berlin"),
    "schedule_enabled": (None, True, False),
    "schedule_note": (None, "off until the new source is there"),
    "schedule_start": (None, "2098-01-01T00:00:00Z"),
    "schedule_end": (None, "2099-12-31T00:00:00Z"),
    "jitter_minutes": (None, 15),
    "catch_up_minutes": (None, 1, 1440),
    "pause_on_failures": (None, 3),
    "payload": (
        None,
        {"a": 1},
        {"text": 'it\'s "é😀" \\ ${x} {{ }} %', "none": None, "list": [1, [True]]},
    ),
    "payload_schema": (None, _SCHEMA),
    "overlap": (None, "skip", "queue_one", "queue_all", "cancel_other", "allow"),
    "queue": (None, True, {"batch_size": 10, "max_concurrency": 1000, "max_receives": 1}),
    "depends_on": (None, ["extract", "load"]),
    "timeout_seconds": (None, 60, 86_400),
    "attempt_timeout_seconds": (None, 30),
    "fan_out": (
        None,
        {},
        {"items": "my-files", "max_concurrency": 500, "tolerated_failure_percent": 5},
        {"source": {"json": "s3://bundles/items.json?versionId=v1"}},
        {"source": {"csv": "s3://bundles/$.items/{}.csv"}},
        {"source": {"prefix": "s3://bundles/new/"}},
    ),
    "retries": (None, 0, 3, 10),
    "retry_interval_seconds": (None, 1, 86_400),
    "retry_backoff": (None, 1, 2.5, 10),
    "architecture": (None, "arm64", "x86_64"),
    "permissions": (
        None,
        [_STATEMENT],
        [
            "read: s3://data",
            "write: s3://data/out/",
            "read-table: orders",
            "write-table: orders",
            "send: orders",
            "secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/db",
            "submit: part",
            _STATEMENT,
        ],
    ),
    "environment": (None, {"LEVEL": "$debug", "Ab": '{"Ref":"x"}'}),
    "alarms": (None, True, False),
    "slow_percent": (None, 150),
    "notify": (
        None,
        [],
        ["started", "succeeded", "skipped", "stack_failed", "canary_passed", "rolled_back"],
    ),
    "slack_channel": (None, "#data"),
    "queued_alert_minutes": (None, 5),
    "run_retention_days": (None, 7),
    "history_limit": (None, 100),
    "log_retention_days": (None, 7),
    "deletion_policy": (None, "delete", "retain"),
    "deployment_mode": (None, "standard", "express"),
    "deploy": (None, {"canary": True}, {"canary": {"runs": 1, "rollback_on_failure": False}}),
    "paused": (None, False),
}
LAMBDA: dict[str, tuple[Any, ...]] = {
    "type": ("lambda",),
    "runtime": ("python3.13", "nodejs22.x"),
    "handler": ("app.handler",),
    "bundle": ("s3://bundles/app.zip", "s3://bundles/app.zip?versionId=v1"),
    "pin": (None, {"version": "v2", "note": "until 1.4"}),
    "layers": (None, ["arn:aws:lambda:eu-west-1:123456789012:layer:tools:3"]),
    "reserved_concurrency": (None, 1, 10),
    "secrets": (
        None,
        {
            "TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/token",
            "DB": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/db:password::",
        },
    ),
    "memory_mb": (None, 128, 10_240),
    "ephemeral_storage_mb": (None, 1024),
    "network": (None, _GROUPS, {**_GROUPS, "subnets": ["subnet-0123456789abcdef2"]}),
    "failure_rules": (
        None,
        [{"errors": ["ValueError"], "action": "fail"}],
        [{"errors": ["*"], "action": "retry"}],
        [
            {"errors": ["Sandbox.Timedout", "Http*"], "action": "retry"},
            {"errors": ["NoData"], "action": "ignore"},
        ],
    ),
}
ARCHIVE = ("runtime", "handler", "bundle", "layers", "secrets")
ECS: dict[str, tuple[Any, ...]] = {
    "type": ("ecs",),
    "image": ("public.ecr.aws/docker/library/busybox:1.37",),
    "pin": (None, {"version": f"sha256:{'1' * 64}", "since": "2026-11-26T12:00:00Z"}),
    "command": (None, ["sh", "-c", "echo $PAYLOAD"]),
    "cpu": (1024,),
    "memory_mb": (None, 2048, 8192),
    "ephemeral_storage_mb": (None, 21 * 1024),
    "secrets": (None, {"TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/token"}),
    "network": (
        None,
        {"assign_public_ip": False},
        {"egress": ["10.0.0.0/16:5432", "pl-0123456789abcdef0:443", "[::/0]:53/udp"]},
        {**_GROUPS, "subnets": ["subnet-0123456789abcdef2"]},
    ),
    "spot": (None, "never", "prefer", "only"),
    "result": (None, True, False),
    "allow_overrides": (None, ["command"], ["command", "environment", "size"]),
    "failure_rules": (
        None,
        [{"exit_codes": [2, 3], "action": "fail"}],
        [{"errors": ["TaskFailedToStart"], "action": "retry"}],
        [{"exit_codes": [4], "action": "ignore"}, {"errors": ["*"], "action": "retry"}],
    ),
}
LAMBDA_IMAGE: dict[str, tuple[Any, ...]] = {
    **{name: values for name, values in LAMBDA.items() if name not in ARCHIVE},
    "image": (
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report:1",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report@sha256:{'0' * 64}",
    ),
    "pin": (None, {"version": f"sha256:{'1' * 64}"}),
    "command": (None, ["app.handler"], "app.handler ${x}"),
    "entry_point": (None, ["/usr/bin/python3", "-m", "awslambdaric"]),
    "working_directory": (None, "/var/task"),
}
BATCH = ECS | {
    "type": ("batch",),
    "timeout_seconds": (None, 60, 86_400),
    "attempt_timeout_seconds": (None, 60),
    "network": (None, {"assign_public_ip": False}),
    "priority": (None, "high", "normal", "low"),
    "share": (None, "data7"),
    "queued_timeout_seconds": (None, 600),
    "array_size": (None, 2, 10_000),
    "spot": (None, "never", "prefer"),
}
_NOT_OF_MACHINES = ("cpu", "memory_mb", "ephemeral_storage_mb")
EC2: dict[str, tuple[Any, ...]] = {
    **{name: values for name, values in ECS.items() if name not in _NOT_OF_MACHINES},
    "type": ("ec2",),
    "image": (
        "public.ecr.aws/docker/library/busybox:1.37",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:{'0' * 64}",
    ),
    "architecture": ("x86_64",),
    "instance_type": ("m7i.large", ["c7i.large", "c7a.large", "g5.xlarge"]),
    "ami": (None, "ami-0123456789abcdef0", "/aws/service/mine"),
    "gpus": (None, True, False),
    "disk_gb": (None, 200),
    "spot": (None, "never", "prefer", "only"),
    "heartbeat_seconds": (None, 30, 600),
    "timeout_seconds": (None, 86_400),
    "attempt_timeout_seconds": (None, 2_000),
    "allow_overrides": (None, ["command"], ["command", "environment"]),
}
_BUILDS = (
    {"source": "s3://sources/report.zip"},
    {
        "source": "s3://sources/report.zip?versionId=3",
        "context": "app",
        "dockerfile": "app/Dockerfile.run",
        "target": "run",
        "args": {"VERSION": "$(1) ${x}"},
    },
    {
        "source": {
            "connection": "arn:aws:codeconnections:eu-west-1:123456789012:connection/"
            "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f",
            "repository": "github.com/acme/report",
            "commit": "0123456789abcdef0123456789abcdef01234567",
        },
        "context": "services/report",
    },
)
_ARCHIVED = {"image": (None,), "bundle": (None,), "pin": (None,), "build": (_BUILDS[0], _BUILDS[2])}
BUILT = tuple(
    COMMON | options | {"image": (None,), "pin": (None,), "build": _BUILDS}
    for options in (LAMBDA_IMAGE, ECS, BATCH, EC2)
)
OPTIONS = (COMMON | LAMBDA, COMMON | LAMBDA_IMAGE, COMMON | ECS, COMMON | BATCH, COMMON | EC2)
OPTIONS = (*OPTIONS, COMMON | LAMBDA | _ARCHIVED, *BUILT)


def rows() -> Iterator[dict[str, Any]]:
    """Yield the rows; each value of each option stands in several of each type."""
    chance = random.Random(9)
    for options in OPTIONS:
        for _ in range(ROWS_OF_A_TYPE):
            row = {name: chance.choice(values) for name, values in options.items()}
            yield row_of(row)


def row_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the values that were chosen, as far as they go together."""
    row = {name: value for name, value in chosen.items() if value is not None}
    if "queue" in row:
        row.pop("overlap", None)
    if row.get("timeout_seconds") == 60:
        row.pop("queued_timeout_seconds", None)
    if row.get("pin") and ("?" in row.get("bundle", "") or "@" in row.get("image", "")):
        row.pop("pin")
    if "array_size" in row:
        for name in ("fan_out", "result", "failure_rules"):
            row.pop(name, None)
        row["retries"] = min(row.get("retries", 0), 9)
    return {"job_name": "nightly", **row}


@cache
def _rows() -> tuple[dict[str, Any], ...]:
    return tuple(rows())


@cache
def _job(number: int) -> Job:
    return job_of(_rows()[number])


@cache
def _template(number: int) -> str:
    return templates.to_json(templates.build(_job(number), PLATFORM))


def drawn(parts: int = PARTS) -> Sequence[int]:
    """Return the numbers of this commit's rows; those of a multiple of PARTS are among them."""
    return one_of(parts, range(len(_rows())))


def jobs(parts: int = PARTS) -> tuple[Job, ...]:
    """Return the jobs that the rows of this commit describe."""
    return tuple(map(_job, drawn(parts)))


def templates_of_jobs(parts: int = PARTS) -> tuple[str, ...]:
    """Return each job's template as JSON."""
    return tuple(map(_template, drawn(parts)))


def job_of(row: Mapping[str, Any]) -> Job:
    job = parse(row)
    assert not isinstance(job, InvalidRow), (row, job)
    if not is_unbuilt(job):
        return job
    if kind_of_build(job) == "zip":
        archive = S3Object("bundles", archive_key(job.job_name, "0" * 64), "1")
        return job.model_copy(update={"bundle": archive})
    registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    return job.with_image(f"{registry}/jobs/{job.job_name}@sha256:{'0' * 64}", tag="b-0")
