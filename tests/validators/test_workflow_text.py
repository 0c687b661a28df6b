"""The definition as a text: what Step Functions would refuse, or silently never reach."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import import_module

import jsonata
import pytest

import templates
from provisioner.jobs import FailureRule, FanOut, S3Object
from provisioner.jobs.fan_out import ItemSource
from provisioner.runs.keys import Field
from tests.functional.step_functions import expressions
from tests.golden import update
from tests.support import asl, generated_rows
from tests.support.drawn import one_of
from tests.support.lint import lint
from tests.support.platforms import PLATFORM


def definition(job):
    return update.workflow(json.loads(templates.to_json(templates.build(job, PLATFORM))))


@cache
def definitions():
    made = generated_rows.templates_of_jobs()
    return {json.dumps(update.workflow(json.loads(template))) for template in made}


@pytest.fixture(scope="module")
def parser():
    """Return moto's, imported here alone: it takes each process that imports it half a second."""
    return import_module("moto.stepfunctions.parser.asl.static_analyser.static_analyser")


@cache
def generated_expressions():
    return sorted({text for one in definitions() for text in expressions(json.loads(one))})


def test_step_functions_would_refuse_no_definition():
    assert len(definitions()) > 100
    for text in definitions():
        assert asl.problems(json.loads(text)) == []
        assert len(text.encode()) < asl.MAX_DEFINITION_BYTES


MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}},
}
REFUSED = {
    "unreached": ({"C": {"Type": "Succeed"}}, ["C: nothing leads to it"]),
    "missing": ({"A": {"Type": "Pass", "Next": "D"}}, ["D: is led to, and not there"]),
    "no way out": (
        {"B": {"Type": "Pass"}},
        ["B: has 0 ways out"],
    ),
    "a field of JSONPath": (
        {"A": {"Type": "Pass", "Next": "B", "ResultPath": "$"}},
        ["A: Pass has no {'ResultPath'}"],
    ),
    "States.ALL before another": (
        {
            "A": {
                "Type": "Task",
                "Next": "B",
                "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}],
            }
        },
        ["A: States.ALL must come last"],
    ),
}


@pytest.mark.parametrize(("states", "problems"), REFUSED.values(), ids=REFUSED)
def test_the_check_of_definitions_would_find_something(states, problems):
    assert asl.problems(MACHINE) == []
    assert asl.problems({**MACHINE, "States": MACHINE["States"] | states}) == problems


def test_a_definition_says_that_its_language_is_jsonata():
    assert asl.problems({**MACHINE, "QueryLanguage": "JSONPath"}) == ["its language is JSONPath"]


def test_moto_s_parser_takes_every_state(parser):
    states = {}
    for text in definitions():
        for machine in asl.machines(json.loads(text)):
            for state in machine["States"].values():
                shape = asl.for_moto(state)
                states.setdefault(json.dumps(shape), shape)

    assert len(states) > 30
    named = {f"State{number}": state for number, state in enumerate(states.values())}
    text = json.dumps({"QueryLanguage": "JSONata", "StartAt": "State0", "States": named})
    parser.StaticAnalyser().analyse(text)


def test_moto_s_parser_would_find_something(parser):
    text = json.dumps(MACHINE)
    parser.StaticAnalyser().analyse(text)

    refusal = import_module("moto.stepfunctions.parser.asl.parse.asl_parser").ASLParserException
    with pytest.raises(refusal):
        parser.StaticAnalyser().analyse(text.replace('"Next"', '"Nxt"'))


LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"' r"|'(?:[^'\\]|\\.)*'|\b\d+(?:\.\d+)?\b")


def test_every_expression_is_jsonata():
    """One of those that differ in constants alone: the parser takes longest of all here."""
    shortest = {}
    for text in sorted(generated_expressions(), key=len):
        shortest.setdefault(LITERAL.sub("", text), text)

    assert len(shortest) > 300
    for text in shortest.values():
        jsonata.Jsonata.jsonata(text)


def test_every_variable_is_assigned_before_the_state_that_reads_it():
    for text in definitions():
        assert_assigned(json.loads(text))


def assert_assigned(machine):
    states = machine["States"]
    known = dict.fromkeys(states)
    known[machine["StartAt"]] = frozenset()
    left = [machine["StartAt"]]
    while left:
        name = left.pop()
        state = states[name]
        for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
            # A Choice's and a Catch's own Assign counts instead of the state's.
            after = known[name] | set(rule.get("Assign", {}))
            for target in {rule[key] for key in ("Next", "Default") if key in rule}:
                merged = after if known[target] is None else known[target] & after
                if merged != known[target]:
                    known[target] = merged
                    left.append(target)
    assigned = {v for s in states.values() for v in _assigned(s)}
    for name, state in states.items():
        read = {
            variable
            for expression in expressions(state)
            for variable in re.findall(r"\$([a-z_]+)", expression)
        }
        local = {
            variable
            for expression in expressions(state)
            for variable in re.findall(r"\$([a-z_]+) :=", expression)
        }
        assert (read & assigned) - local <= known[name], name


def _assigned(state):
    for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        yield from rule.get("Assign", {})


ROWS = [update.example(path) for path in update.EXAMPLES]
ALL = [job for job in ROWS if not getattr(job, "array_size", None)]
PLACES = [
    FanOut(),
    FanOut(source=ItemSource("json", S3Object("bundles", "items.json", "v1")), max_concurrency=500),
    FanOut(source=ItemSource("csv", S3Object("bundles", "items.csv")), tolerated_failure_percent=5),
    FanOut(source=ItemSource("prefix", S3Object("bundles", "new/"))),
]
RULES = (FailureRule(action="retry", errors=("A",)), FailureRule(action="ignore", errors=("B*",)))
MORE = {
    "lambda": {"failure_rules": RULES, "retries": 1},
    "ecs": {"failure_rules": RULES, "retries": 1, "result": True},
    "batch": {"failure_rules": RULES, "retries": 1, "result": True},
    "ec2": {"failure_rules": RULES, "retries": 1, "result": True, "spot": "prefer"},
}
FANNED_OUT = [
    job.model_copy(update={"fan_out": place, **more})
    for job in ALL
    for place in PLACES
    for more in ({}, MORE[job.type])
]


def label(job):
    place = job.fan_out and (job.fan_out.source.kind if job.fan_out.source else "list")
    rules = "with rules" if job.failure_rules else ""
    return " ".join(filter(None, [job.type, place, rules]))


@pytest.mark.parametrize("job", FANNED_OUT, ids=label)
def test_what_runs_an_item_sees_nothing_of_the_run_but_what_it_is_given(job):
    machine = definition(job)
    fan_out = machine["States"]["Run"]
    outer = {name for state in machine["States"].values() for name in _assigned(state)}
    inner = fan_out["ItemProcessor"]
    own = {name for state in inner["States"].values() for name in _assigned(state)}

    # Step Functions, workflow variables: none of the outer scope's, not even by name.
    assert not own & outer
    for expression in expressions({**fan_out, "Catch": []}):
        assert not set(re.findall(r"\$([a-z_]+)", expression)) & outer, expression
    handed = re.findall(r"\$states\.input\.([a-z_]+)", json.dumps(inner))
    assert set(handed) <= set(fan_out["ItemSelector"])
    given = re.findall(r"\$states\.input\.([a-z_]+)", json.dumps(fan_out["ItemSelector"]))
    assert set(given) <= set(machine["States"]["Admit"]["Output"])
    assert asl.reachable(inner) == set(inner["States"])
    assert not set(inner["States"]) & set(machine["States"])
    assert_assigned(inner)


def state_machine(definition_string):
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/workflow"},
            "DefinitionString": definition_string,
        },
    }


def test_cfn_lint_finds_nothing_in_any_definition():
    texts = [json.dumps(definition(job)) for job in [*ROWS, *one_of(4, FANNED_OUT)]]
    resources = {f"Machine{number}": state_machine(text) for number, text in enumerate(texts)}
    resources |= {
        f"Broken{number}": state_machine(text.replace('"Next"', '"Nxt"'))
        for number, text in enumerate({texts[0], texts[-1]})
    }
    found = lint(json.dumps({"Resources": resources}))

    # States language specification, "Timeouts": in JSONata, TimeoutSeconds may be an expression.
    # cfn-lint's schema knows that of Seconds only.
    unknown = [match for match in found if "/TimeoutSeconds') matched" not in str(match)]
    assert {match.path[1] for match in unknown} == {"Broken0", "Broken1"}


CLAUSE = re.compile(r'"([^"]*(?:ADD |DELETE |attribute_| = :)[^"]*)"')
FUNCTIONS = {"attribute_type", "attribute_not_exists", "contains", "size"}


def attributes(expression):
    """Return the attributes that DynamoDB's expressions in one of JSONata name."""
    clauses = " ".join(CLAUSE.findall(expression))
    return set(re.findall(r"(?<![:a-z_])[a-z][a-z_]*", clauses)) - FUNCTIONS


def test_the_workflow_names_no_attribute_that_runs_do_not_have():
    named = set().union(*map(attributes, generated_expressions()))

    assert named >= {"status", "owner", "lease_until", "waiting", "cancels", "starts", "output"}
    assert named <= set(Field)
