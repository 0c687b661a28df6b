"""Templates without what somebody deleted: whole in themselves, and as much of them as can be."""

from __future__ import annotations

import json
import re

import pytest

import templates
from provisioner import jobs
from templates.workflow.rebuild import without
from tests.support.platforms import PLATFORM

LAMBDA = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/report.zip?versionId=1",
}
ROWS = {
    "plain": LAMBDA,
    "scheduled, with a queue": LAMBDA | {"schedule": ["rate(1 day)", "rate(2 hours)"], "queue": {}},
    "container": {
        "job_name": "count",
        "type": "ecs",
        "image": "public.ecr.aws/docker/library/busybox:1.37",
        "schedule": "rate(1 day)",
    },
}


def template_of(row):
    job = jobs.parse(row)
    assert not isinstance(job, jobs.InvalidRow), job
    return json.loads(templates.to_json(templates.build(job, PLATFORM)))


def references(value):
    """Yield the logical names that a template refers to."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        match key, each:
            case "Ref", str(name):
                yield name
            case "Fn::GetAtt", [name, *_]:
                yield name
            case "Fn::Sub", str(text):
                yield from re.findall(r"\$\{([A-Za-z0-9]+)", text)
            case "DependsOn", str(name):
                yield name
            case "DependsOn", [*names]:
                yield from names
            case _:
                yield from references(each)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_any_resource_may_be_missing(row):
    template = template_of(row)
    for missing in template["Resources"]:
        left = without(template, [missing])

        assert missing not in left["Resources"]
        assert left["Resources"]
        there = {*left["Resources"], *left["Parameters"]}
        assert {n for n in references(left) if not n.startswith("AWS")} <= there
        gone = template["Resources"].keys() - left["Resources"].keys()
        for name in gone - {missing}:
            referred = set(references(template["Resources"][name]))
            assert referred & (gone - {name}), f"{name} could stay"


@pytest.mark.parametrize("missing", ["StateMachine", "Function", "LogGroup"])
def test_a_queue_keeps_its_messages(missing):
    template = template_of(ROWS["scheduled, with a queue"])
    queues = {n for n, r in template["Resources"].items() if r["Type"] == "AWS::SQS::Queue"}
    assert queues
    assert missing in template["Resources"]

    assert queues <= without(template, [missing])["Resources"].keys()


@pytest.mark.parametrize("depends", ["Role", ["Queue", "Role"]], ids=["one", "several"])
def test_what_depends_on_it_goes_with_it(depends):
    made = {"Type": "AWS::SNS::Topic"}
    template = {
        "Resources": {
            "Role": made,
            "Queue": made,
            "Topic": made | {"DependsOn": depends},
            "Other": made | {"DependsOn": ["Queue"]},
        }
    }

    assert without(template, ["Role"])["Resources"].keys() == {"Queue", "Other"}
