"""What a change of a row replaces or deletes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner.jobs import parse
from provisioner.service import replacements
from tests.support.platforms import PLATFORM

SCHEMAS = Path(find_spec("cfnlint").origin).parent / "data/schemas"
LAMBDA = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}
ECS = {"job_name": "report", "type": "ecs", "image": "busybox:1", "queue": {}}
EC2 = {"job_name": "report", "type": "ec2", "image": "busybox:1", "instance_type": "m7g.large"}
QUEUES = [
    f"{name} (AWS::SQS::Queue) is deleted: the messages in it are lost"
    for name in ("DeadLetterQueue", "Queue", "WaitingQueue")
]
GROUP = "SecurityGroup (AWS::EC2::SecurityGroup) is replaced"


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


CHANGES = {
    "nothing": (ECS, ECS, []),
    "a size": (LAMBDA, LAMBDA | {"memory_mb": 512}, []),
    "the queue goes": (ECS, without(ECS, "queue"), QUEUES),
    "the queue comes": (without(ECS, "queue"), ECS, []),
    "another type": (ECS, LAMBDA, QUEUES),
    "from containers to machines": (without(ECS, "queue"), EC2, [GROUP]),
    "from machines to containers": (EC2, without(ECS, "queue"), [GROUP]),
    "a row that was invalid": (ECS | {"cpu": "many"}, LAMBDA, []),
    "a row that is invalid now": (ECS, LAMBDA | {"memory_mb": "much"}, []),
    "a new row": (None, ECS, []),
}


@pytest.mark.parametrize(("before", "after", "lost"), CHANGES.values(), ids=CHANGES)
def test_risks(before, after, lost):
    service = SimpleNamespace(platform=PLATFORM, job=parse)

    assert sorted(replacements.risks(service, before, after)) == lost


def test_without_the_bootstrap_s_parts_nothing_is_said():
    assert replacements.risks(SimpleNamespace(platform=None), ECS, LAMBDA) == ()


@pytest.mark.parametrize("kind", replacements.CREATE_ONLY)
def test_the_properties_are_those_of_cloudformation(kind):
    names = json.loads((SCHEMAS / "providers/us-east-1.json").read_text())
    [file] = (SCHEMAS / "resources").glob(f"{names[kind]}*")
    schema = json.loads(file.read_text())
    only = [
        *schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())
    ]  # fmt: skip

    assert {f"/properties/{name}" for name in replacements.CREATE_ONLY[kind]} <= set(only)
