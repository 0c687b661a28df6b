"""Templates of generated rows, and of the network, against rules that were reproduced on AWS.

They are those of the npm package cdk-preflight (Apache-2.0), in Rego, which AWS's validator runs.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path

import pytest
from cloudformation_validate import (
    EngineConfig,
    ExternalRuleSource,
    RegoEngine,
    RuleFilterConfig,
    Severity,
    ValidateConfig,
)

import templates
from tests.golden import update
from tests.support import asl, generated_rows
from tests.support.bootstrap import ROOT, bootstrap_of, load
from tests.support.drawn import one_of
from tests.support.platforms import PLATFORM

pytestmark = pytest.mark.node

RULES = Path(__file__).parent / "node_modules" / "cdk-preflight" / "lib" / "rules.generated.js"

DUMMY = {
    "W9013": "the platform of tests says its account, as the bootstrap's own outputs do",
    "W9002": "the roles of workflows, schedules and tasks are the bootstrap's, no resources here",
}
"""Findings about the parameters that we build with, not about what a row leads to."""

CONFIG = ValidateConfig(
    exclude=RuleFilterConfig(ids=list(DUMMY)), severity_level=Severity.WARN, strict=True
)


@cache
def bundled(name):
    text = RULES.read_text("utf-8")
    start = text.index(f"exports.{name} = [")
    return json.JSONDecoder().raw_decode(text, text.index("[", start))[0]


PARTS = 8 * generated_rows.PARTS


@cache
def built(parts=generated_rows.PARTS):
    return [json.loads(template) for template in generated_rows.templates_of_jobs(parts)]


def workflow_alone(template):
    """Return a template of the workflow only, its definition one text as Step Functions gets it."""
    states = json.dumps(update.workflow(template))
    machine = template["Resources"]["StateMachine"]
    properties = {**machine["Properties"], "DefinitionString": states}
    return {"Resources": {"StateMachine": {**machine, "Properties": properties}}}


def workflows():
    """Return the workflows that differ by more than their expressions and numbers."""
    shapes = {json.dumps(asl.shape(update.workflow(made))): made for made in built()}
    return [workflow_alone(made) for made in shapes.values()]


def applicable(made):
    """Return the rules for the types of resources that these templates have."""
    types = {resource["Type"] for one in made for resource in one["Resources"].values()}
    return [rule for rule in bundled("BUNDLED_RULES") if types & set(rule["resourceTypes"])]


def engine_of(rules):
    sources = [(library["name"], library["rego"]) for library in bundled("BUNDLED_LIBS")]
    sources += [(rule["id"], rule["rego"]) for rule in rules]
    return RegoEngine(
        EngineConfig(custom_rules=[ExternalRuleSource(name=n, content=c) for n, c in sources])
    )


def validator(*, of_workflows):
    """Return an engine with the rules that read a definition, or with all others that apply."""
    return engine_of(
        rule for rule in applicable(built()) if rule["id"].startswith("pf-sfn-asl-") is of_workflows
    )


@pytest.fixture(scope="module")
def engines():
    """Return both; to make them takes as long as to look at twenty rows."""
    return validator(of_workflows=False), validator(of_workflows=True)


def findings(engine, template):
    report = engine.validate_template(json.dumps(template).encode(), CONFIG)
    return {found.rule_id: found.message for found in report.diagnostics}


def test_no_rule_finds_anything_in_any_row(engines, capsys):
    engine, of_workflows = engines
    made = built(PARTS)

    found = [(one, findings(engine, one)) for one in made]
    found += [(one, findings(of_workflows, one)) for one in one_of(16, workflows())]

    assert [one for one in found if one[1]] == []
    assert len(made) >= 25
    with capsys.disabled():
        print(
            f"\n{len(made)} generated rows pass {len(applicable(built()))} rules: those of the "
            f"{len(bundled('BUNDLED_RULES'))} that are for the types of our resources"
        )


def test_the_rules_would_find_something(engines):
    engine, of_workflows = engines
    made = json.loads(templates.to_json(templates.build(generated_rows.job_of(ROW), PLATFORM)))
    properties = {one["Type"]: one["Properties"] for one in made["Resources"].values()}
    properties["AWS::Lambda::Function"]["Timeout"] = 901
    properties["AWS::Scheduler::Schedule"]["StartDate"] = "2098-01-01T00:00:00Z"
    workflow = workflow_alone(made)
    machine = workflow["Resources"]["StateMachine"]["Properties"]
    states = json.loads(machine["DefinitionString"])
    states["States"]["Lost"] = {"Type": "Succeed"}
    machine["DefinitionString"] = json.dumps(states)

    found = findings(engine, made)

    assert {"pf-lambda-timeout-max", "pf-scheduler-date-format"} <= set(found)
    found = findings(of_workflows, workflow)
    assert set(found) == {"pf-sfn-asl-unreachable-state"}


@pytest.mark.parametrize("mode", ["public", "private"])
def test_no_rule_finds_anything_in_the_network(mode):
    made = network(mode)

    assert of_network(made) == set()
    assert len(applicable([made])) > 10


def test_the_rules_would_find_something_in_the_network():
    made = network("private")
    properties = {name: one["Properties"] for name, one in made["Resources"].items()}
    zone = properties["PrivateSubnetA"]["AvailabilityZone"]
    properties["PrivateSubnetB"]["AvailabilityZone"] = zone
    properties["S3Endpoint"]["VpcEndpointType"] = "Interface"
    properties["PrivateSubnetC"]["CidrBlock"] = "10.97.8.0/29"

    assert of_network(made) == {
        "pf-ec2-vpce-subnet-az-unique",
        "pf-ec2-vpce-type-config",
        "pf-ec2-subnet-cidr-size",
    }


def network(mode):
    """Return the network as it is made with these parameters, with every endpoint."""
    source = load(ROOT / "template.yaml")
    stack = bootstrap_of(source, NetworkMode=mode, InterfaceEndpoints="machines")
    made = stack.nested["NetworkStack"]
    types = {name: made.template["Resources"][name]["Type"] for name in sorted(made.made())}
    return {
        "Resources": {
            name: {"Type": kind, "Properties": copy.deepcopy(made.resource(name))}
            for name, kind in types.items()
        }
    }


def of_network(made):
    """Return what the rules find; the validator's own know no ids as the tests make them up."""
    return {name for name in findings(engine_of(applicable([made])), made) if name[:3] == "pf-"}


ROW = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
    "schedule": "rate(1 hour)",
    "schedule_start": "2098-01-01T00:00:00Z",
}
