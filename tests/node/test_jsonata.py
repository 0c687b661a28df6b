"""The workflow's expressions by JSONata's reference implementation, which AWS's is.

The tests and the engine evaluate them by a port to Python: what the two do not agree on is a fault.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from tests.functional.step_functions import Scope, TaskError, expressions, recording
from tests.functional.workflow.test_run_time import Unrecorded
from tests.golden.update import workflow
from tests.support import generated_rows
from tests.support.node import answers

pytestmark = pytest.mark.node


def by_reference(asked):
    """Return what the reference implementation makes of expressions."""
    return answers("evaluate.js", asked)


@cache
def definitions():
    return [workflow(json.loads(made)) for made in generated_rows.templates_of_jobs()]


def test_every_expression_parses():
    found = sorted({text for one in definitions() for text in expressions(one)})

    answers = by_reference([{"text": text} for text in found])

    assert len(found) > 300
    assert [(t, a) for t, a in zip(found, answers, strict=True) if a] == []
    assert "error" in by_reference([{"text": "( $a := "}])[0]


ENDS = [
    {"StatusCode": 200, "Payload": {"rows": 3}, "TaskArn": "t", "Containers": [
        {"Name": "job", "ExitCode": 0}]},
    {"StatusCode": 200, "Payload": "a \"text\"", "TaskArn": "t", "Containers": [
        {"Name": "job", "ExitCode": 3}]},
    TaskError("States.TaskFailed", json.dumps({
        "Containers": [{"Name": "job", "ExitCode": 137,
                        "Reason": "OutOfMemoryError: Container killed due to memory usage"}],
        "StopCode": "EssentialContainerExited",
        "StoppedReason": "Essential container in task exited"})),
    TaskError("States.TaskFailed", json.dumps({
        "StopCode": "TaskFailedToStart", "StoppedReason": "CannotPullContainerError: x"})),
    {"TaskArn": "t", "StatusCode": 200, "Payload": 1, "StopCode": "SpotInterruption",
     "StoppedReason": "Your Spot Task was interrupted.", "Containers": [
        {"Name": "job", "ExitCode": 0}, {"Name": "agent", "ExitCode": 0}]},
    {"TaskArn": "t", "StatusCode": 200, "Payload": None, "StopCode": "EssentialContainerExited",
     "CreatedAt": 1, "PullStartedAt": 1700, "PullStoppedAt": 5, "StartedAt": 9, "StoppedAt": 11,
     "Containers": [{"Name": "job", "ExitCode": 0}]},
    {"TaskArn": "t", "StatusCode": 200, "Payload": [], "StopCode": "", "Containers": [
        {"Name": "job"}]},
    TaskError("AmazonECS.Unknown", json.dumps({"Failures": [
        {"Arn": "a", "Reason": "Capacity is unavailable at this time."}], "Tasks": []})),
    TaskError("States.Timeout"),
    TaskError("ValueError", json.dumps({"errorMessage": "no \"good\""})),
    TaskError("Lambda.TooManyRequestsException", "Rate exceeded"),
]  # fmt: skip

OVERRIDES = {"command": ["a", "b"], "environment": {"DAY": "x", "N": 5}, "cpu": 1024}
INPUTS = [
    {"items": [1, {"a": None}, "x"], "my-files": ["f"], "a": 1},
    {"items": [[1], [2]], "my-files": [], "_run": {"overlap": None, "overrides": OVERRIDES}},
    {"items": [], "my-files": ["f", "g"], "_run": {
        "source": "schedule", "schedule": "s", "scheduled_for": "2026-11-21T09:00:00Z",
        "waited": "2026-11-21T08:00:00.000Z#a b/c", "overrides": {"command": [[1]]}}},
    "no object",
]  # fmt: skip


def evaluations():
    """Return the expressions of runs of every kind, as they were evaluated, with their values."""
    made = [
        one
        for job, one in zip(generated_rows.jobs(), definitions(), strict=True)
        if not (job.fan_out and job.fan_out.source)
    ]
    with recording() as found:
        for number, one in enumerate(made[::2]):
            ends = iter([*ENDS[number % len(ENDS) :], *ENDS] * 40)

            def work(_, ends=ends):
                end = next(ends)
                if isinstance(end, TaskError):
                    raise end
                return end

            steps = Unrecorded(one, work)
            steps.run(f"run-{number}", INPUTS[number % len(INPUTS)])
    return {json.dumps(one[:2], sort_keys=True): one for one in found}.values()


def meant(value):
    """Return a value with JSON texts in it as what they say: the port escapes what is not ASCII."""
    match value:
        case str():
            try:
                return ("JSON", json.loads(value))
            except ValueError:
                return value
        case dict():
            return {name: meant(part) for name, part in value.items()}
        case list():
            return [meant(part) for part in value]
    return value


def test_both_implementations_agree():
    found = list(evaluations())

    answers = by_reference([{"text": text, "bindings": given} for text, given, _ in found])

    assert len(found) > 1000
    differing = [
        (text, value, answer)
        for (text, _, value), answer in zip(found, answers, strict=True)
        if meant(answer.get("value")) != meant(value)
    ]
    assert differing == []


def test_the_comparison_would_find_something():
    with recording() as found:
        Scope({"a": 1}, {}).evaluate("{% $a + 1 %}", "Output")
    [(text, given, _)] = found

    assert by_reference([{"text": text, "bindings": given | {"a": 2}}]) == [{"value": 3}]
