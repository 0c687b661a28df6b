"""docs/reference/jobs.md says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provisioner.jobs import BatchJob, Ec2Job, EcsJob, InvalidRow, LambdaJob, parse
from provisioner.jobs.functions import RUNTIMES
from provisioner.jobs.model import LOG_RETENTION_DAYS
from provisioner.jobs.sizes import FARGATE_MEMORY_MB

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "jobs.md").read_text()
TYPES = [
    ("`lambda`", LambdaJob),
    ("`ecs`", EcsJob),
    ("`batch`", BatchJob),
    ("`ec2`", Ec2Job),
]
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def section(title):
    return re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]


def rows(title):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section(title).splitlines()
        if line.startswith("| `")
    ]


def attributes(title):
    found = {}
    for name, _, default in rows(title):
        found.setdefault(re.match(r"`(\w+)`", name)[1], default)
    return found


@pytest.mark.parametrize("row", EXAMPLES, ids=[row["job_name"] for row in EXAMPLES])
def test_the_examples_are_good_rows(row):
    assert not isinstance(parse(row), InvalidRow)


@pytest.mark.parametrize(("title", "model"), TYPES)
def test_every_attribute_is_there(title, model):
    assert {*attributes("All types"), *attributes(title)} == set(model.model_fields)


@pytest.mark.parametrize(("title", "model"), TYPES)
def test_the_defaults_are_true(title, model):
    documented = attributes("All types") | attributes(title)
    for name, field in model.model_fields.items():
        if field.is_required():
            assert documented[name] == "required", name
        elif isinstance(field.default, bool | int | float) and name != "timeout_seconds":
            assert documented[name] == f"`{json.dumps(field.default).removesuffix('.0')}`", name
        elif isinstance(field.default, str) and field.default:
            assert documented[name] == f"`{field.default}`", name
    timeout = model.model_fields["timeout_seconds"].default
    assert f"`{timeout}` ({title.strip('`')})" in documented["timeout_seconds"]


def test_the_expressions_are_good_schedules():
    for row in rows("Schedules"):
        for text in re.findall(r"`([a-z]+\([^`]*\))`", row[0]):
            assert not isinstance(parse(EXAMPLES[0] | {"schedule": text}), InvalidRow), text


def test_the_sizes_are_fargates():
    documented = re.findall(r"^\| (\d+) \| [\d.]+ \| (.+) \|$", section("`ecs`"), re.MULTILINE)

    assert [int(cpu) for cpu, _ in documented] == list(FARGATE_MEMORY_MB)
    for cpu, sizes in documented:
        numbers = tuple(map(int, re.findall(r"\d+", sizes)))
        if "steps" in sizes:
            numbers = tuple(range(numbers[0], numbers[1] + 1, numbers[2]))
        assert numbers == FARGATE_MEMORY_MB[int(cpu)]


def test_the_days_are_those_of_cloudwatch_logs():
    (value,) = [row[1] for row in rows("All types") if row[0] == "`log_retention_days`"]

    assert tuple(map(int, re.findall(r"\d+", value))) == LOG_RETENTION_DAYS


def test_the_runtime_of_the_example_is_a_current_one():
    assert EXAMPLES[0]["runtime"] in RUNTIMES
