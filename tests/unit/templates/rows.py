"""Jobs of every kind, as hypothesis draws them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from provisioner.jobs import Rejected, parse

_TEXTS = st.one_of(
    st.sampled_from(
        ['{"Ref":"x"}', "${x}", "Fn::Sub", "it's", '"', "\\", "{{", "}}", "%", "é😀", " a  b ", ""]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
).filter(lambda text: not any(part in text for part in ("{%", "%}", "{{resolve", "{{ resolve")))
_PAYLOADS = st.dictionaries(
    _TEXTS.filter(lambda key: key != "_run"),
    st.one_of(_TEXTS, st.integers(-9, 9), st.booleans(), st.none(), st.lists(_TEXTS, max_size=2)),
    max_size=3,
)
_STATEMENT = {
    "Action": ["s3:GetObject"],
    "Resource": "arn:aws:s3:::data/*",
    "Condition": {"StringEquals": {"aws:PrincipalTag/team": "data"}},
}

_COMMON = {
    "description": st.sampled_from(["", "What it does: ${x}"]),
    "schedule": st.sampled_from(
        [[], ["rate(5 minutes)"], ["cron(0 6 * * ? *)", "at(2030-01-01T00:00:00)"]]
    ),
    "timezone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "schedule_enabled": st.booleans(),
    "schedule_start": st.sampled_from([None, "2027-01-01T00:00:00Z"]),
    "schedule_end": st.sampled_from([None, "2028-01-01T00:00:00Z"]),
    "jitter_minutes": st.sampled_from([0, 15]),
    "payload": _PAYLOADS,
    "overlap": st.sampled_from([None, "allow"]),
    "queue": st.sampled_from([None, True, {"batch_size": 10, "max_concurrency": 1000}]),
    "timeout_seconds": st.sampled_from([60, 86_400]),
    "fan_out": st.sampled_from(
        [
            None,
            {},
            {"items": "my-files", "max_concurrency": 500, "tolerated_failure_percent": 5},
            {"source": {"json": "s3://bundles/items.json?versionId=v1"}},
            {"source": {"csv": "s3://bundles/$.items/{}.csv"}},
            {"source": {"prefix": "s3://bundles/new/"}},
        ]
    ),
    "retries": st.sampled_from([0, 3]),
    "retry_backoff": st.sampled_from([1, 2.5]),
    "architecture": st.sampled_from(["arm64", "x86_64"]),
    "permissions": st.sampled_from([[], [_STATEMENT]]),
    "environment": st.sampled_from([{}, {"LEVEL": "$debug", "Ab": '{"Ref":"x"}'}]),
    "alarms": st.booleans(),
    "log_retention_days": st.sampled_from([None, 7]),
    "deletion_policy": st.sampled_from(["delete", "retain"]),
}
_LAMBDA = {
    "type": st.just("lambda"),
    "runtime": st.sampled_from(["python3.13", "nodejs22.x"]),
    "handler": st.just("app.handler"),
    "bundle": st.sampled_from(["s3://bundles/app.zip", "s3://bundles/app.zip?versionId=v1"]),
    "memory_mb": st.sampled_from([128, 10_240]),
    "ephemeral_storage_mb": st.sampled_from([None, 1024]),
    "network": st.sampled_from([None, {"security_groups": ["sg-0123456789abcdef0"]}]),
}
_CONTAINER = {
    "type": st.just("ecs"),
    "image": st.just("public.ecr.aws/docker/library/busybox:1.37"),
    "command": st.sampled_from([None, ["sh", "-c", "echo $PAYLOAD"]]),
    "cpu": st.just(1024),
    "memory_mb": st.sampled_from([2048, 8192]),
    "ephemeral_storage_mb": st.sampled_from([None, 21 * 1024]),
    "secrets": st.sampled_from(
        [{}, {"TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/token"}]
    ),
    "network": st.sampled_from(
        [
            None,
            {"assign_public_ip": False},
            {"subnets": ["subnet-0123456789abcdef2"], "security_groups": ["sg-0123456789abcdef0"]},
        ]
    ),
}


def job_of(row):
    job = parse({"job_name": "nightly"} | {name: v for name, v in row.items() if v is not None})
    assert not isinstance(job, Rejected), job
    return job


JOBS = st.one_of(
    st.fixed_dictionaries(_COMMON | _LAMBDA), st.fixed_dictionaries(_COMMON | _CONTAINER)
).map(job_of)


def canonical(payload):
    return json.loads(json.dumps(payload))
