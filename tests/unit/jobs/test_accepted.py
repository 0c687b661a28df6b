"""What a row may say, and what it becomes."""

from __future__ import annotations

import json
from decimal import Decimal

import botocore.session
import pytest

from provisioner.jobs import (
    DEFAULT_EVENTS,
    BatchJob,
    Ec2Job,
    EcsJob,
    FailureRule,
    FanOut,
    LambdaJob,
    Network,
    Queue,
    S3Object,
)
from provisioner.jobs.deploy import Canary, Deploy
from provisioner.jobs.fan_out import ItemSource
from provisioner.jobs.machines import instance_types
from provisioner.jobs.pin import Pin

BOTH_DEFAULTS = {
    "description": "",
    "owner": "",
    "tags": {},
    "architecture": "arm64",
    "schedule": (),
    "timezone": "UTC",
    "schedule_enabled": True,
    "schedule_note": "",
    "schedule_start": None,
    "schedule_end": None,
    "jitter_minutes": 0,
    "queue": None,
    "overlap": "skip",
    "depends_on": (),
    "fan_out": None,
    "retries": 0,
    "retry_interval_seconds": 10,
    "retry_backoff": 2.0,
    "catch_up_minutes": 60,
    "pause_on_failures": None,
    "run_retention_days": 90,
    "history_limit": None,
    "payload_schema": None,
    "permissions": (),
    "alarms": True,
    "slow_percent": None,
    "notify": ("failed", "timed_out", "stack_failed", "queued_too_long", "rolled_back"),
    "slack_channel": None,
    "queued_alert_minutes": 60,
    "log_retention_days": None,
    "deletion_policy": "delete",
    "deployment_mode": None,
    "deploy": None,
    "paused": False,
    "pin": None,
    "build": None,
    "ephemeral_storage_mb": None,
    "payload": {},
    "failure_rules": (),
    "environment": {},
    "network": None,
}


def test_a_short_lambda_row_gets_every_default(accepted):
    job = accepted("lambda", {})

    assert isinstance(job, LambdaJob)
    assert dict(job) == BOTH_DEFAULTS | {
        "job_name": "nightly",
        "type": "lambda",
        "image": None,
        "command": (),
        "entry_point": (),
        "working_directory": None,
        "runtime": "python3.14",
        "handler": "main.handler",
        "bundle": S3Object("my-bundles", "nightly/code.zip"),
        "layers": (),
        "secrets": {},
        "reserved_concurrency": None,
        "memory_mb": 128,
        "timeout_seconds": 3600,
        "attempt_timeout_seconds": 900,
    }


def test_a_short_ecs_row_gets_every_default(accepted):
    job = accepted("ecs", {})

    assert isinstance(job, EcsJob)
    assert dict(job) == BOTH_DEFAULTS | {
        "job_name": "crunch",
        "type": "ecs",
        "image": "public.ecr.aws/docker/library/busybox:1.37",
        "command": (),
        "secrets": {},
        "spot": "never",
        "result": False,
        "allow_overrides": (),
        "cpu": 256,
        "memory_mb": 512,
        "timeout_seconds": 86400,
        "attempt_timeout_seconds": 86400,
    }


def test_a_short_batch_row_gets_every_default(accepted):
    job = accepted("batch", {})

    assert isinstance(job, BatchJob)
    assert dict(job) == dict(accepted("ecs", {})) | {
        "type": "batch",
        "priority": "normal",
        "share": "default",
        "queued_timeout_seconds": None,
        "array_size": None,
    }


def test_an_attempt_on_batch_is_given_what_fargate_guarantees(accepted):
    assert accepted("batch", {"timeout_seconds": 9_999_999}).attempt_timeout_seconds == 14 * 86_400


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ({"owner": "Data team 7"}, "Datateam7"),
        ({"owner": "Büro"}, "Bro"),
        ({"owner": "—"}, "default"),
        ({"owner": "data", "share": "etl"}, "etl"),
    ],
)
def test_the_share_of_a_batch_job_is_its_owners(accepted, said, share):
    assert accepted("batch", said).share == share


def test_a_short_ec2_row_gets_every_default(accepted):
    job = accepted("ec2", {})

    assert isinstance(job, Ec2Job)
    common = {k: v for k, v in BOTH_DEFAULTS.items() if k != "ephemeral_storage_mb"}
    assert dict(job) == common | {
        "job_name": "crunch",
        "type": "ec2",
        "image": "public.ecr.aws/docker/library/busybox:1.37",
        "command": (),
        "secrets": {},
        "result": False,
        "allow_overrides": (),
        "instance_type": ("m7g.large",),
        "ami": None,
        "gpus": False,
        "disk_gb": 30,
        "spot": "never",
        "heartbeat_seconds": 60,
        "timeout_seconds": 86400,
        "attempt_timeout_seconds": 86400,
    }
    assert job.image_id.startswith("resolve:ssm:/aws/service/ecs/optimized-ami/")


def test_a_short_attempt_has_a_quick_heartbeat(accepted):
    assert accepted("ec2", {"timeout_seconds": 100}).heartbeat_seconds == 33


def test_every_instance_type_of_ec2_is_one_unless_it_runs_macos():
    shape = botocore.session.get_session().get_service_model("ec2").shape_for("InstanceType")
    kinds = [kind for kind in shape.enum if not kind.startswith("mac")]
    assert [kind for kind in kinds if instance_types(kind) != (kind,)] == []


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
IMAGE = {
    **dict.fromkeys(("runtime", "handler", "bundle"), ...),
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report:1",
}
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3"
OTHER = "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python314-arm64:9"
STATEMENT = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::in/*"}
NORMAL_STATEMENT = {
    "Effect": "Allow",
    "Action": ["s3:GetObject"],
    "Resource": ["arn:aws:s3:::in/*"],
}

SCHEMA = {
    "type": "object",
    "required": ["day"],
    "properties": {"day": {"$ref": "#/$defs/day"}, "n": {"type": "integer", "maximum": 9}},
    "additionalProperties": False,
    "$defs": {"day": {"type": "string", "pattern": "^[0-9-]+$"}},
}

ACCEPTED = {
    "schema as a map": ("lambda", {"payload_schema": SCHEMA}, {"payload_schema": SCHEMA}),
    "schema as text": (
        "ecs",
        {"payload_schema": json.dumps(SCHEMA)},
        {"payload_schema": SCHEMA},
    ),
    "default payload that a run completes": (
        "lambda",
        {"payload_schema": SCHEMA, "payload": {"n": 9}},
        {"payload": {"n": 9}},
    ),
    "default payload of one of two kinds": (
        "lambda",
        {"payload_schema": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}},
        {"payload": {}},
    ),
    "failure rules of a container": (
        "ecs",
        {
            "failure_rules": [
                {"exit_codes": [Decimal(0), "255"], "action": "retry"},
                {"errors": "States.*", "action": "ignore"},
                {"errors": ["OutOfMemoryError", "*"], "action": "fail", "exit_codes": None},
            ]
        },
        {
            "failure_rules": (
                FailureRule("retry", exit_codes=(0, 255)),
                FailureRule("ignore", errors=("States.*",)),
                FailureRule("fail", errors=("OutOfMemoryError", "*")),
            )
        },
    ),
    "failure rules of a function": (
        "lambda",
        {"failure_rules": [{"errors": ["ValueError"], "action": "fail"}] * 20},
        {},
    ),
    "what a run may override": (
        "ecs",
        {"allow_overrides": ["size", "command", "size"]},
        {"allow_overrides": ("command", "size")},
    ),
    "one thing that a run may override": (
        "ecs",
        {"allow_overrides": "environment"},
        {"allow_overrides": ("environment",)},
    ),
    "history": (
        "lambda",
        {"run_retention_days": "3650", "history_limit": Decimal(1)},
        {"run_retention_days": 3650, "history_limit": 1},
    ),
    "missed ticks and failures": (
        "lambda",
        {"catch_up_minutes": 1440, "pause_on_failures": 100},
        {"catch_up_minutes": 1440, "pause_on_failures": 100},
    ),
    "one event": ("lambda", {"notify": "started"}, {"notify": ("started",)}),
    "no event": ("lambda", {"notify": []}, {"notify": ()}),
    "an event twice": ("lambda", {"notify": ["failed", "failed"]}, {"notify": ("failed",)}),
    "what is slow": (
        "lambda",
        {"slow_percent": "50"},
        {
            "slow_percent": 50,
            "notify": (*DEFAULT_EVENTS, "slow"),
        },
    ),
    "slow by name": (
        "ecs",
        {"slow_percent": 50, "notify": ["slow"]},
        {"slow_percent": 50, "notify": ("slow",)},
    ),
    "a channel": ("ecs", {"slack_channel": "#ops-größe"}, {"slack_channel": "#ops-größe"}),
    "a channel's id": ("ecs", {"slack_channel": "C024BE91L"}, {"slack_channel": "C024BE91L"}),
    "a canary": (
        "lambda",
        {"deploy": {"canary": True}},
        {"deploy": Deploy(Canary()), "notify": (*DEFAULT_EVENTS, "canary_passed")},
    ),
    "no canary": ("ecs", {"deploy": {"canary": "false"}}, {"deploy": Deploy()}),
    "a canary that only waits": (
        "lambda",
        {"deploy": {"canary": {"runs": "5", "rollback_on_failure": False}}},
        {
            "deploy": Deploy(Canary(5, rollback_on_failure=False)),
            "notify": (*DEFAULT_EVENTS, "canary_passed"),
        },
    ),
    "a pinned object": (
        "lambda",
        {"pin": {"version": "3sL4kqtJ.lcpXro-x", "note": "until 1.4", "since": "2026-11-26"}},
        {"pin": Pin("3sL4kqtJ.lcpXro-x", "until 1.4", "2026-11-26T00:00:00Z")},
    ),
    "a pinned image": (
        "ecs",
        {"pin": {"version": f"sha256:{'0' * 64}", "note": None}},
        {"pin": Pin(f"sha256:{'0' * 64}")},
    ),
    "number as N": ("lambda", {"memory_mb": Decimal(512)}, {"memory_mb": 512}),
    "number as text": ("lambda", {"memory_mb": " 512 "}, {"memory_mb": 512}),
    "number with a zero fraction": ("lambda", {"memory_mb": "512.0"}, {"memory_mb": 512}),
    "number from a file": ("lambda", {"memory_mb": 512}, {"memory_mb": 512}),
    "alias memory": ("lambda", {"memory": Decimal(512)}, {"memory_mb": 512}),
    "alias language": (
        "lambda",
        {"runtime": ..., "language": "nodejs24.x"},
        {"runtime": "nodejs24.x"},
    ),
    "NULL is absent": ("lambda", {"memory_mb": None, "memory": Decimal(1024)}, {"memory_mb": 1024}),
    "boolean as text": ("lambda", {"alarms": "False", "paused": "true"}, {"alarms": False}),
    "longest name": ("lambda", {"job_name": "a" + "-9" * 19 + "z"}, {}),
    "least lambda memory": ("lambda", {"memory_mb": 128}, {"memory_mb": 128}),
    "most lambda memory": ("lambda", {"memory_mb": 10240}, {"memory_mb": 10240}),
    "lambda disk": ("lambda", {"ephemeral_storage_mb": 10240}, {"ephemeral_storage_mb": 10240}),
    "one schedule": ("lambda", {"schedule": "rate(5 minutes)"}, {"schedule": ("rate(5 minutes)",)}),
    "several schedules": (
        "lambda",
        {"schedule": ["cron(0 6 ? * mon-fri *)", "at(2030-01-31T09:00:00)"]},
        {"schedule": ("cron(0 6 ? * MON-FRI *)", "at(2030-01-31T09:00:00)")},
    ),
    "no schedules": ("lambda", {"schedule": []}, {"schedule": ()}),
    "ten schedules": ("lambda", {"schedule": [f"rate({n} days)" for n in range(2, 12)]}, {}),
    "time zone": ("lambda", {"timezone": "America/Argentina/Buenos_Aires"}, {}),
    "start in the row's zone": (
        "lambda",
        {"timezone": "Europe/Berlin", "schedule_start": "2030-07-01T09:00"},
        {"schedule_start": "2030-07-01T07:00:00Z"},
    ),
    "start with its own zone": (
        "lambda",
        {"timezone": "Europe/Berlin", "schedule_start": "2030-07-01T09:00:00.5+09:00"},
        {"schedule_start": "2030-07-01T00:00:00Z"},
    ),
    "a day alone": (
        "lambda",
        {"schedule_end": "2030-07-01"},
        {"schedule_end": "2030-07-01T00:00:00Z"},
    ),
    "payload as a map": (
        "lambda",
        {"payload": {"n": Decimal("1.50"), "big": Decimal("1E+3"), "l": [None, True, "x"]}},
        {"payload": {"n": 1.5, "big": 1000, "l": [None, True, "x"]}},
    ),
    "payload as text": (
        "lambda",
        {"payload": '{"n": 1.5, "whole": 2.0, "deep": {"l": [1]}}'},
        {"payload": {"n": 1.5, "whole": 2, "deep": {"l": [1]}}},
    ),
    "timeout below the attempt's default": (
        "lambda",
        {"timeout_seconds": 60},
        {"timeout_seconds": 60, "attempt_timeout_seconds": 60},
    ),
    "both timeouts": (
        "lambda",
        {"timeout_seconds": 4000, "attempt_timeout_seconds": "30"},
        {"timeout_seconds": 4000, "attempt_timeout_seconds": 30},
    ),
    "retries": (
        "lambda",
        {"retries": Decimal(10), "retry_interval_seconds": "60", "retry_backoff": "1.5"},
        {"retries": 10, "retry_interval_seconds": 60, "retry_backoff": 1.5},
    ),
    "environment of scalars": (
        "lambda",
        {"environment": {"LEVEL": "info", "SIZE": Decimal(5), "RATIO": Decimal("0.5"), "ON": True}},
        {"environment": {"LEVEL": "info", "SIZE": "5", "RATIO": "0.5", "ON": "true"}},
    ),
    "environment just within 4 KB": ("lambda", {"environment": {"KEY": "x" * 4086}}, {}),
    "tags": (
        "lambda",
        {"tags": {"team:name": "a b@c", "n": 5}},
        {"tags": {"team:name": "a b@c", "n": "5"}},
    ),
    "letters of any script in tags": ("lambda", {"tags": {"Ort": "Zürich"}}, {}),
    "every digit of a number, where it becomes text": (
        "lambda",
        {
            "environment": {
                "LONG": Decimal("0.1234567890123456789012345678901234567"),
                "SMALL": Decimal("1.00000000000000000001E-9"),
                "USUAL": Decimal("0.1"),
                "TINY": Decimal("1E-7"),
            },
        },
        {
            "environment": {
                "LONG": "0.1234567890123456789012345678901234567",
                "SMALL": "0.00000000100000000000000000001",
                "USUAL": "0.1",
                "TINY": "1e-07",
            }
        },
    ),
    "a number of as many digits as a double has": (
        "lambda",
        {"payload": {"a": Decimal("0.12345678901234567")}},
        {"payload": {"a": 0.12345678901234566}},
    ),
    "a container's texts up to their own limits": (
        "ecs",
        {"command": ["x" * 8_192], "environment": {"LONG": "x" * 16_000}},
        {},
    ),
    "two hundred errors in all rules": (
        "ecs",
        {"failure_rules": [{"errors": [f"E{n}" for n in range(200)], "action": "fail"}]},
        {},
    ),
    "one statement": ("lambda", {"permissions": STATEMENT}, {"permissions": (NORMAL_STATEMENT,)}),
    "statement in full": (
        "lambda",
        {
            "permissions": [
                {
                    "Sid": "Read",
                    "Effect": "Deny",
                    "Action": ["s3:Get*", "s3:*"],
                    "Resource": "*",
                    "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": Decimal(300)}},
                }
            ]
        },
        {
            "permissions": (
                {
                    "Effect": "Deny",
                    "Sid": "Read",
                    "Action": ["s3:Get*", "s3:*"],
                    "Resource": ["*"],
                    "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": ["300"]}},
                },
            )
        },
    ),
    "lambda network": (
        "lambda",
        {"network": {"security_groups": ["sg-0123456789abcdef0"], "assign_public_ip": "false"}},
        {"network": Network((), ("sg-0123456789abcdef0",), False)},
    ),
    "empty network of a function": ("lambda", {"network": {}}, {"network": None}),
    "empty network": ("ecs", {"network": {}}, {"network": None}),
    "container network": (
        "ecs",
        {"network": {"subnets": "subnet-01234567", "assign_public_ip": True}},
        {"network": Network(("subnet-01234567",), (), True)},
    ),
    "fan-out by default": ("lambda", {"fan_out": {}}, {"fan_out": FanOut("items", None, 10, 0)}),
    "fan-out over a list": (
        "ecs",
        {"fan_out": {"items": "my-files", "max_concurrency": "500", "source": None}},
        {"fan_out": FanOut("my-files", None, 500)},
    ),
    "fan-out over a file": (
        "ecs",
        {
            "fan_out": {
                "source": {"csv": "s3://data/a b.csv?versionId=v1"},
                "tolerated_failure_percent": Decimal(5),
            }
        },
        {
            "fan_out": FanOut(
                source=ItemSource("csv", S3Object("data", "a b.csv", "v1")),
                tolerated_failure_percent=5,
            )
        },
    ),
    "retention": ("lambda", {"log_retention_days": "3653"}, {"log_retention_days": 3653}),
    "retain": ("lambda", {"deletion_policy": "retain"}, {"deletion_policy": "retain"}),
    "express": ("ecs", {"deployment_mode": "express"}, {"deployment_mode": "express"}),
    "overlap": ("lambda", {"overlap": "queue_one"}, {"overlap": "queue_one"}),
    "queue": ("lambda", {"queue": "true"}, {"queue": Queue(1, 10, 5), "overlap": "allow"}),
    "queue of its own kind": (
        "ecs",
        {"queue": {"batch_size": "10", "max_concurrency": 2, "max_receives": 1}},
        {"queue": Queue(10, 2, 1), "overlap": "allow"},
    ),
    "queue and overlap": (
        "lambda",
        {"queue": {}, "overlap": "allow"},
        {"queue": Queue(), "overlap": "allow"},
    ),
    "no queue": ("lambda", {"queue": False}, {"queue": None, "overlap": "skip"}),
    "one dependency": ("lambda", {"depends_on": "a"}, {"depends_on": ("a",)}),
    "dependencies": ("lambda", {"depends_on": ["a", "b", "a"]}, {"depends_on": ("a", "b")}),
    "bundle of a version": (
        "lambda",
        {"bundle": "s3://my.bundles/a b/ü.zip?versionId=3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"},
        {"bundle": S3Object("my.bundles", "a b/ü.zip", "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY")},
    ),
    "layer": ("lambda", {"layers": LAYER}, {"layers": (LAYER,)}),
    "layers": ("lambda", {"layers": [LAYER, OTHER]}, {"layers": (LAYER, OTHER)}),
    "reserved concurrency": (
        "lambda",
        {"reserved_concurrency": "5"},
        {"reserved_concurrency": 5},
    ),
    "nested export of node": (
        "lambda",
        {"runtime": "nodejs24.x", "handler": "dist/index.api.handler"},
        {},
    ),
    "method of a ruby class": (
        "lambda",
        {"runtime": "ruby4.0", "handler": "main.Reports::Nightly.run"},
        {},
    ),
    "image of a function": (
        "lambda",
        {**IMAGE, "command": "app.handler", "entry_point": ["python3", "-m", "awslambdaric"]},
        {
            "archive": None,
            "command": ("app.handler",),
            "entry_point": ("python3", "-m", "awslambdaric"),
        },
    ),
    "secrets of a function": (
        "lambda",
        {"secrets": {"DB": f"{ARN}:password::"}, "layers": [LAYER]},
        {"secrets": {"DB": f"{ARN}:password::"}},
    ),
    "secrets of a ruby function": (
        "lambda",
        {"runtime": "ruby4.0", "secrets": {"DB": ARN}},
        {"secrets": {"DB": ARN}},
    ),
    "no secrets of a java function": (
        "lambda",
        {"runtime": "java25", "handler": "a.B::c", "secrets": {}},
        {"secrets": {}},
    ),
    "folder of an image": (
        "lambda",
        {**IMAGE, "working_directory": "/srv/app"},
        {"working_directory": "/srv/app"},
    ),
    "java interface": ("lambda", {"runtime": "java21", "handler": "example.Report"}, {}),
    "dotnet method": (
        "lambda",
        {"runtime": "dotnet10", "handler": "Report::Acme.Report::Run"},
        {},
    ),
    "dotnet executable": ("lambda", {"runtime": "dotnet10", "handler": "Acme.Report"}, {}),
    "java handler": ("lambda", {"runtime": "java25", "handler": "example.Main::run"}, {}),
    "bare handler of a custom runtime": (
        "lambda",
        {"runtime": "provided.al2023", "handler": "bootstrap"},
        {},
    ),
    "no handler of a custom runtime": (
        "lambda",
        {"runtime": "provided.al2023", "handler": ...},
        {"handler": "bootstrap"},
    ),
    "expression in a function's variable": (
        "lambda",
        {"environment": {"TEMPLATE": "{% if a %}b{% endif %}"}},
        {"environment": {"TEMPLATE": "{% if a %}b{% endif %}"}},
    ),
    "expression in a container's variable": (
        "ecs",
        {"environment": {"TEMPLATE": "{%"}},
        {"environment": {"TEMPLATE": "{%"}},
    ),
    "whole bucket": (
        "lambda",
        {"fan_out": {"source": {"prefix": "s3://bundles/"}}},
        {"fan_out": FanOut(source=ItemSource("prefix", S3Object("bundles", "")))},
    ),
    "list called item": (
        "lambda",
        {"fan_out": {"items": "item"}, "payload": {"item": [1]}},
        {"payload": {"item": [1]}},
    ),
    "item without a fan-out": ("lambda", {"payload": {"item": 1, "_fan_out": 2}}, {}),
    "action in other capitals": (
        "lambda",
        {"permissions": [{"Action": "S3:getobject", "Resource": "arn:aws:s3:::a/my files/*"}]},
        {
            "permissions": (
                {
                    "Effect": "Allow",
                    "Action": ["S3:getobject"],
                    "Resource": ["arn:aws:s3:::a/my files/*"],
                },
            )
        },
    ),
    "nested python handler": ("lambda", {"handler": "app/jobs.nightly.handler"}, {}),
    "image by digest": ("ecs", {"image": f"localhost:5000/a/b-c.d__e:v1@sha256:{'0' * 64}"}, {}),
    "short image": ("ecs", {"image": "busybox"}, {"image": "busybox"}),
    "command as a list": (
        "ecs",
        {"command": ["sh", "-c", "a | b"]},
        {"command": ("sh", "-c", "a | b")},
    ),
    "command as text": (
        "ecs",
        {"command": "report --title 'two words' --n 5"},
        {"command": ("report", "--title", "two words", "--n", "5")},
    ),
    "cpu in units": ("ecs", {"cpu": "1024"}, {"cpu": 1024, "memory_mb": 2048}),
    "cpu in vCPUs": ("ecs", {"cpu": Decimal("0.5")}, {"cpu": 512, "memory_mb": 1024}),
    "cpu with its unit": (
        "ecs",
        {"cpu": ".25 vCPU", "memory_mb": 2048},
        {"cpu": 256, "memory_mb": 2048},
    ),
    "sixteen vCPUs": ("ecs", {"cpu": 16, "memory_mb": 122880}, {"cpu": 16384, "memory_mb": 122880}),
    "container disk": ("ecs", {"ephemeral_storage_mb": 204800}, {"ephemeral_storage_mb": 204800}),
    "secret": ("ecs", {"secrets": {"DB": ARN}}, {"secrets": {"DB": ARN}}),
    "key of a secret": ("ecs", {"secrets": {"DB": f"{ARN}:password::"}}, {}),
    "parameter": (
        "ecs",
        {"secrets": {"DB": "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b"}},
        {},
    ),
    "odd but legal variable": ("ecs", {"environment": {"_a.b-c": "x"}}, {}),
}


@pytest.mark.parametrize(("kind", "changes", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(accepted, kind, changes, expected):
    job = accepted(kind, changes)

    assert {name: getattr(job, name) for name in expected} == expected


def test_a_job_cannot_be_changed(accepted):
    job = accepted("lambda", {})

    with pytest.raises(ValueError, match="frozen"):
        job.memory_mb = 256


def test_an_artifact_is_pinned_by_a_copy(accepted):
    job = accepted("lambda", {})

    pinned = job.model_copy(update={"bundle": S3Object("my-bundles", "nightly/code.zip", "v1")})

    assert pinned.bundle.uri == "s3://my-bundles/nightly/code.zip?versionId=v1"
    assert job.bundle.uri == "s3://my-bundles/nightly/code.zip"


def operators_of_iam():
    """Return what the IAM User Guide lists, written out."""
    ordered = "Equals NotEquals LessThan LessThanEquals GreaterThan GreaterThanEquals"
    listed = {
        "String": "Equals NotEquals EqualsIgnoreCase NotEqualsIgnoreCase Like NotLike",
        "Numeric": ordered,
        "Date": ordered,
        "Arn": "Equals Like NotEquals NotLike",
    }
    plain = [f"{kind}{test}" for kind, tests in listed.items() for test in tests.split()]
    return [*plain, "Bool"]


@pytest.mark.parametrize("of_set", ["", "ForAllValues:", "ForAnyValue:"])
@pytest.mark.parametrize("if_exists", ["", "IfExists"])
def test_every_operator_of_iam_is_accepted(accepted, of_set, if_exists):
    named = [f"{of_set}{operator}{if_exists}" for operator in operators_of_iam()]
    rest = ["Null", "IpAddress", "NotIpAddressIfExists", "BinaryEquals"]

    for operator in (*named, *rest):
        condition = {operator: {"aws:x": "1"}}
        job = accepted("lambda", {"permissions": STATEMENT | {"Condition": condition}})
        assert job.permissions[0]["Condition"] == {operator: {"aws:x": ["1"]}}


def test_a_number_that_remembers_its_digits_is_a_number(accepted):
    payload = {"a": Decimal("0.10000000000000001")}

    assert json.dumps(accepted("lambda", {"payload": payload}).payload) == '{"a": 0.1}'
