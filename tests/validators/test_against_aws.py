"""Our tables of limits against those that AWS publishes in CloudFormation's schemas."""

from __future__ import annotations

import json
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pytest

from provisioner.jobs.environment import LAMBDA_RESERVED
from provisioner.jobs.functions import DEPRECATED, RUNTIMES, SUCCESSORS
from provisioner.jobs.model import LOG_RETENTION_DAYS
from provisioner.jobs.sizes import FARGATE_MEMORY_MB
from tests.support.lint import schema_of

DATA = Path(find_spec("cfnlint").origin).parent / "data"
CHECKED_ON = date(2026, 11, 21)


def extension(path):
    return json.loads((DATA / "schemas" / "extensions" / path).read_text())


def test_fargate_sizes():
    published = {}
    for pair in extension("aws_ecs_taskdefinition/fargate_cpu_memory.json")["then"]["anyOf"]:
        (cpu,) = pair["properties"]["Cpu"]["then"]["enum"]
        memory = pair["properties"]["Memory"]["then"]
        published[int(cpu)] = tuple(
            memory.get("enum")
            or range(memory["minimum"], memory["maximum"] + 1, memory["multipleOf"])
        )

    assert dict(FARGATE_MEMORY_MB) == published


def test_runtimes_are_those_that_lambda_has_not_deprecated():
    known = schema_of("AWS::Lambda::Function")["properties"]["Runtime"]["enum"]
    lifecycle = json.loads((DATA / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json").read_text())
    deprecated = {
        name: dates["deprecated"]
        for name, dates in lifecycle.items()
        if date.fromisoformat(dates["deprecated"]) <= CHECKED_ON
    }
    offered = {
        name
        for name in deprecated.keys() & set(known)
        if date.fromisoformat(lifecycle[name]["create-block"]) > CHECKED_ON
    }

    assert set(RUNTIMES) == set(known) - deprecated.keys()
    assert {name: deprecated[name] for name in offered} == DEPRECATED
    assert set(SUCCESSORS.values()) <= set(RUNTIMES)


def test_reserved_variables():
    names = extension("aws_lambda_function/environment_variable_keys.json")["propertyNames"]

    assert set(names["not"]["enum"]) == LAMBDA_RESERVED


def test_log_retention():
    published = schema_of("AWS::Logs::LogGroup")["properties"]["RetentionInDays"]["enum"]

    assert list(LOG_RETENTION_DAYS) == published


@pytest.mark.parametrize(
    ("name", "limit"), [("ScheduleExpression", 256), ("ScheduleExpressionTimezone", 50)]
)
def test_lengths_of_schedules(name, limit):
    assert schema_of("AWS::Scheduler::Schedule")["properties"][name]["maxLength"] == limit
