"""The digest moves with the job, and with nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from provisioner.jobs import InvalidRow, S3Object, parse, row_digest, spec_digest

ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/db"

SAME = {
    "N and numeric S": ("lambda", {"memory_mb": Decimal(512)}, {"memory_mb": "512"}),
    "spellings of a number": ("lambda", {"memory_mb": Decimal("5.12E+2")}, {"memory_mb": "512.0"}),
    "alias": ("lambda", {"memory_mb": 512}, {"memory": 512}),
    "boolean as text": ("lambda", {"alarms": False}, {"alarms": "false"}),
    "a default spelled out": ("lambda", {}, {"retries": 0, "overlap": "skip", "tags": {}}),
    "a derived default spelled out": ("lambda", {}, {"attempt_timeout_seconds": 900}),
    "derived memory spelled out": ("ecs", {"cpu": 1024}, {"cpu": "1", "memory_mb": 2048}),
    "NULL": ("lambda", {}, {"owner": None}),
    "empty network": ("ecs", {}, {"network": {}}),
    "paused": ("lambda", {}, {"paused": True}),
    "payload schema": ("lambda", {}, {"payload_schema": {"type": "object"}}),
    "what other than the stack acts on": (
        "lambda",
        {},
        {
            "history_limit": 5,
            "depends_on": ["extract"],
            "deploy": {"canary": True},
            "deployment_mode": "express",
        },
    ),
    "which version is pinned, before it is looked up": (
        "lambda",
        {},
        {"pin": {"version": "v1"}},
    ),
    "whom it tells of what": (
        "lambda",
        {},
        {
            "notify": "started",
            "slack_channel": "#ops",
            "slow_percent": 50,
            "queued_alert_minutes": 5,
        },
    ),
    "queue and what comes with it": (
        "lambda",
        {"queue": True},
        {"queue": {"batch_size": "1"}, "overlap": "allow"},
    ),
    "no queue": ("lambda", {}, {"queue": "false"}),
    "one schedule or a list of it": (
        "lambda",
        {"schedule": "rate(1 minute)"},
        {"schedule": ["rate( 1 minutes )"]},
    ),
    "payload as text": ("lambda", {"payload": {"a": 1, "b": 2}}, {"payload": '{"b":2.0,"a":1}'}),
    "zone of the start": (
        "lambda",
        {"schedule_start": "2030-01-01"},
        {"schedule_start": "2030-01-01T01:00:00+01:00"},
    ),
    "one action or a list of it": (
        "lambda",
        {"permissions": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]},
        {"permissions": {"Resource": ["*"], "Action": ["s3:GetObject"]}},
    ),
    "command as text": ("ecs", {"command": "a 'b c'"}, {"command": ["a", "b c"]}),
}

OTHER = {
    "name": ("lambda", {"job_name": "other"}),
    "memory": ("lambda", {"memory_mb": 256}),
    "schedule": ("lambda", {"schedule": "rate(1 day)"}),
    "order of commands": ("ecs", {"command": "b a"}),
    "payload": ("lambda", {"payload": {"a": "1"}}),
    "deletion policy": ("lambda", {"deletion_policy": "retain"}),
    "network": ("ecs", {"network": {"assign_public_ip": False}}),
    "version": ("lambda", {"bundle": "s3://my-bundles/nightly/code.zip?versionId=2"}),
    "secret": ("ecs", {"secrets": {"DB": ARN}}),
    "failure rules": ("ecs", {"failure_rules": [{"exit_codes": [3], "action": "fail"}]}),
    "overrides": ("ecs", {"allow_overrides": ["size"]}),
    "retention": ("lambda", {"run_retention_days": 7}),
    "queue": ("lambda", {"queue": True}),
    "catch-up": ("lambda", {"catch_up_minutes": 5}),
}


@pytest.mark.parametrize(("kind", "one", "other"), SAME.values(), ids=SAME)
def test_the_same_job_in_other_words(accepted, kind, one, other):
    assert spec_digest(accepted(kind, one)) == spec_digest(accepted(kind, other))


@pytest.mark.parametrize(("kind", "changes"), OTHER.values(), ids=OTHER)
def test_another_job(accepted, kind, changes):
    assert spec_digest(accepted(kind, changes)) != spec_digest(accepted(kind, {}))


def test_the_pinned_version_is_part_of_it(accepted):
    job = accepted("lambda", {})
    pinned = job.model_copy(update={"bundle": S3Object("my-bundles", "nightly/code.zip", "v1")})

    assert spec_digest(pinned) != spec_digest(job)


def test_an_attribute_that_came_later_changes_nothing_of_those_that_do_not_have_it(accepted):
    row = {"job_name": "a", "type": "ecs", "image": "busybox:1"}
    job = parse(row | {"network": {"assign_public_ip": False}})
    assert not isinstance(job, InvalidRow)
    assert spec_digest(job) == ("94b10712edc4c1b80bc697e719ecfd839053f69ec9f2ab7b46fac94a94a57174")
    assert spec_digest(accepted("ecs", {"network": {"egress": "10.0.0.0/8"}})) != spec_digest(
        accepted("ecs", {"network": {"egress": "10.0.0.0/8:443"}})
    )


def test_order_of_a_row_does_not_matter(accepted):
    job = accepted("lambda", {"environment": {"AA": "1", "BB": "2"}, "tags": {"a": "1"}})
    row = {
        "tags": {"a": "1"},
        "environment": {"BB": "2", "AA": "1"},
        "bundle": "s3://my-bundles/nightly/code.zip",
        "handler": "main.handler",
        "runtime": "python3.14",
        "type": "lambda",
        "job_name": "nightly",
    }

    assert spec_digest(parse(row)) == spec_digest(job)


def test_digests_stay_what_they_were(accepted):
    """A digest that moves with a release would update every stack there is."""
    assert {kind: spec_digest(accepted(kind, {})) for kind in ("lambda", "ecs")} == {
        "lambda": "eea6c265a1004000900a27a6a647559dc1fbed131ad847e6f450c218244e5726",
        "ecs": "5852ddec8cfc3007db568e4bb9fa3c21c7ad0a2f18a3cf49ae42a8451a9c724d",
    }


ROW_OTHER = {
    "paused": {"paused": True},
    "payload schema": {"payload_schema": {"type": "object"}},
    "history": {"history_limit": 5},
    "pause": {"pause_on_failures": 3},
    "memory": {"memory_mb": 256},
    "pin": {"pin": {"version": "v1"}},
}


@pytest.mark.parametrize("changes", ROW_OTHER.values(), ids=ROW_OTHER)
def test_another_row(accepted, changes):
    assert row_digest({}, accepted("lambda", changes)) != row_digest({}, accepted("lambda", {}))


def test_the_same_row_in_other_words(accepted):
    one, other = accepted("lambda", {"memory": "512"}), accepted("lambda", {"memory_mb": 512})

    assert row_digest({"memory": "512"}, one) == row_digest({"memory_mb": 512}, other)
