"""What rows may grant fits into the role that their templates give it, whatever else is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import pytest

import templates
from provisioner.jobs import InvalidRow, parse
from provisioner.jobs.role_size import IAM_CHARACTERS, characters, room
from tests.support import generated_rows
from tests.support.platforms import PLATFORM

LONG = replace(
    PLATFORM,
    prefix="p" * 20,
    partition="aws-us-gov",
    region="ap-southeast-7",
    artifacts_bucket="b" * 63,
    submission_topic_arn=f"arn:aws:sns:ap-southeast-7:123456789012:{'t' * 60}",
    secrets_key_arn=f"arn:aws-us-gov:kms:ap-southeast-7:123456789012:key/{'0' * 36}",
)
"""A bootstrap whose names are as long as they can be."""

LONG_IMAGE = f"123456789012.dkr.ecr.ap-southeast-7.amazonaws.com/{'r' * 203}:1"
ROWS = {
    "lambda": {
        "runtime": "python3.14",
        "handler": "app.handler",
        "bundle": "s3://bundles/app.zip?versionId=v1",
        "network": {"security_groups": ["sg-0123456789abcdef0"]},
    },
    "ecs": {"image": "example.com/app:1", "result": True},
    "batch": {"image": "example.com/app:1", "result": True},
    "ec2": {"image": LONG_IMAGE, "instance_type": "m7g.large", "result": True},
}
SECRETS = {
    "DB": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/db",
    "TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/token",
}
READ_BY_THE_ROLE = ("lambda", "ec2")
"""ECS and Batch read secrets with the execution role, which all jobs share."""


def inline_characters(job):
    """Return the size of the inline policies as IAM counts it, or a little more."""
    template = templates.build(job.model_copy(update={"job_name": "j" * 40}), LONG).to_dict()
    policies = template["Resources"]["Role"]["Properties"]["Policies"]
    return sum(len(json.dumps(p["PolicyDocument"], separators=(",", ":"))) for p in policies)


def granted_by(job):
    of_role = job.secrets.values() if job.type in READ_BY_THE_ROLE else ()
    return characters(job.permissions, of_role)


def test_no_rows_role_has_more_than_its_row_is_reckoned_to_grant():
    for job in islice(generated_rows.jobs(), 0, None, 8):
        assert inline_characters(job) - granted_by(job) <= IAM_CHARACTERS - room(job.type), job


def row_with(job_type, more, key_characters):
    large = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::data/{'k' * key_characters}"}
    return ROWS[job_type] | {
        "job_name": "j",
        "type": job_type,
        "permissions": [large, *more.get("permissions", [])],
        **{name: value for name, value in more.items() if name != "permissions"},
    }


@pytest.mark.parametrize("job_type", ROWS)
@pytest.mark.parametrize(
    "more",
    [{}, {"permissions": ["submit: other"]}, {"secrets": SECRETS}],
    ids=["statements", "submits", "secrets"],
)
def test_the_largest_row_fits_and_a_larger_one_is_refused(job_type, more):
    smallest = parse(row_with(job_type, more, 0))
    free = room(job_type) - granted_by(smallest)

    largest = parse(row_with(job_type, more, free))
    refused = parse(row_with(job_type, more, free + 1))

    assert not isinstance(largest, InvalidRow), largest
    assert inline_characters(largest) <= IAM_CHARACTERS
    assert isinstance(refused, InvalidRow)
    [error] = refused.errors
    from_secrets = "secrets" in more and job_type in READ_BY_THE_ROLE
    assert error.field == ("secrets" if from_secrets else "permissions")
    assert f"at most {room(job_type)} are allowed" in error.message
    assert f'a "{job_type}" job' in error.message
