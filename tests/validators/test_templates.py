"""The templates of jobs by cfn-lint and by AWS's own validator."""

from __future__ import annotations

import json

import pytest
from cloudformation_validate import RegoEngine, RuleFilterConfig, Severity, ValidateConfig
from hypothesis import HealthCheck, given, settings

import templates
from tests.golden import update
from tests.support.drawn import one_of
from tests.support.lint import lint
from tests.support.platforms import PLATFORM
from tests.unit.templates.rows import JOBS, job_of
from tests.unit.templates.test_templates import CONTAINER, LAMBDA, SMALL_BYTES, built, resource

# A job's workflow, schedules and tasks run under roles of the bootstrap's stack, so their ARNs are
# no resource of this template: W9002 would have them be.
CONFIG = ValidateConfig(
    exclude=RuleFilterConfig(ids=["W9002"]), severity_level=Severity.WARN, strict=True
)


@pytest.fixture(scope="module")
def validator():
    return RegoEngine()


def findings(validator, text):
    linted = [str(match) for match in lint(text)]
    report = validator.validate_template(text.encode(), CONFIG)
    return linted + [f"{found.rule_id} {found.message}" for found in report.diagnostics]


@pytest.mark.parametrize("path", one_of(2, update.EXAMPLES), ids=lambda path: path.stem)
def test_the_validators_find_nothing_in_the_examples(validator, path):
    text = templates.to_json(templates.build(update.example(path), PLATFORM))

    assert findings(validator, text) == []
    assert len(text.encode()) < SMALL_BYTES


def test_every_character_of_a_row_can_be_read_in_its_template(validator):
    text = 'ü € \N{GRINNING FACE} \\ud83d " \u2028'
    row = CONTAINER | {"job_name": "x", "command": [text], "environment": {"TEXT": text}}
    template = templates.to_json(templates.build(job_of(row), PLATFORM))

    [container] = resource(json.loads(template), "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    assert container["Command"] == [text]
    assert {"Name": "TEXT", "Value": text} in container["Environment"]
    assert {character for character in template if not character.isascii()} == {"\N{GRINNING FACE}"}
    assert findings(validator, template) == []


def test_the_validators_would_find_something(validator):
    template = built(job_of(LAMBDA))
    template["Resources"]["Function"]["Properties"]["MemorySize"] = 1

    assert findings(validator, json.dumps(template))


@given(job=JOBS)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_validators_find_nothing_in_any_job(validator, job):
    text = templates.to_json(templates.build(job, PLATFORM))

    assert findings(validator, text) == []
