"""What an upgrade would change, by kind, replacements first."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pytest

import templates
from provisioner.errors import NotFoundError
from provisioner.jobs import parse
from provisioner.service.template_changes import COMPARED, TemplateChange, changes, report
from provisioner.stacks.model import JobStatus, StackRecord
from tests.support.platforms import PLATFORM

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
ROW = {"type": "lambda", "runtime": "python3.13", "handler": "a.b", "bundle": "s3://bundles/a.zip"}


def template(**resources):
    return {"Resources": resources}


def group(name="/jobs/a", days=30, **more):
    properties = {"LogGroupName": name, "RetentionInDays": days}
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties, **more}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"Group": group()}, set()),
        ({"Group": group(Metadata={"A": "b"})}, set()),
        (
            {"Group": group(days=60)},
            {TemplateChange("changed", "AWS::Logs::LogGroup", "RetentionInDays")},
        ),
        (
            {"Group": group("/b")},
            {TemplateChange("replaced", "AWS::Logs::LogGroup", "LogGroupName")},
        ),
        (
            {"Group": {"Type": "AWS::SQS::Queue"}},
            {TemplateChange("replaced", "AWS::Logs::LogGroup")},
        ),
        ({}, {TemplateChange("deleted", "AWS::Logs::LogGroup")}),
        (
            {"Group": group(), "Queue": {"Type": "AWS::SQS::Queue"}},
            {TemplateChange("added", "AWS::SQS::Queue")},
        ),
    ],
    ids=["same", "metadata", "changed", "replaced", "another type", "deleted", "added"],
)
def test_kinds_of_differences(after, expected):
    assert changes(template(Group=group()), template(**after)) == expected


def test_the_code_that_a_job_runs_is_not_a_difference_of_the_templates():
    def function(image, version):
        properties = {"Code": {"S3ObjectVersion": version}, "Image": image}
        return {"Type": "AWS::Lambda::Function", "Properties": properties}

    before = function(f"registry/words:1@sha256:{'0' * 64}", "v1")

    assert not changes(template(F=before), template(F=function("registry/words:1", "v2")))


def deployed(name, days):
    """Return the template of a job's stack as an earlier release made it."""
    built = json.loads(
        templates.to_json(templates.build(parse({"job_name": name, **ROW}), PLATFORM, NOW))
    )
    built["Resources"]["LogGroup"]["Properties"]["RetentionInDays"] = days
    return json.dumps(built)


def test_a_report_counts_jobs_by_kind():
    names = [f"job-{number}" for number in range(4)]
    records = [StackRecord(name, status=JobStatus.READY, stack_id=name) for name in names]
    rows = {name: {"job_name": name, **ROW} for name in names[:3]}  # the last one's is gone

    def read(stack_id):
        if stack_id == "job-2":
            raise NotFoundError(stack_id)
        return deployed(stack_id, 7)

    found = report(records, lambda _: rows, read, PLATFORM, NOW, random.Random(1))

    assert found == {
        "outdated": 4,
        "compared": 2,
        "not_compared": 2,
        "differences": [
            {
                "verb": "changed",
                "type": "AWS::Logs::LogGroup",
                "property": "RetentionInDays",
                "jobs": 2,
                "example": "job-0",
            }
        ],
    }


def test_of_many_jobs_some_are_compared():
    names = [f"job-{number}" for number in range(COMPARED + 10)]
    records = [StackRecord(name, status=JobStatus.READY, stack_id=name) for name in names]
    rows = {name: {"job_name": name, **ROW} for name in names}
    read = {name: deployed(name, 30) for name in names}.__getitem__

    found = report(records, lambda _: rows, read, PLATFORM, NOW, random.Random(1))

    assert (found["outdated"], found["compared"], found["not_compared"]) == (60, 50, 10)
