"""Failure rules and overrides of single runs, by the workflow's own definition."""

from __future__ import annotations

import json
import re
from math import ceil
from pathlib import Path

import pytest
import yaml

from provisioner.jobs.failure_rules import container_failure_rules
from templates.workflow import failure_rules
from templates.workflow.asl import marked
from templates.workflow.failure_rules import MAX_REFUSALS, SECONDS_OF_REFUSALS
from tests.functional.step_functions import Scope, TaskError
from tests.functional.workflow.test_run_time import definition
from tests.functional.workflow.test_workflow import (
    CONTAINER,
    LAMBDA,
    echo,
    free,
    items,
    machine,
    only_run,
    table,
)

__all__ = ["table"]


def rule(action, **matches):
    return {"action": action, **matches}


def exits(code):
    """Return the end of a task whose container exited so, as `ecs:runTask.sync` tells it."""
    return TaskError(
        "States.TaskFailed",
        json.dumps({"Containers": [{"Name": "job", "ExitCode": code}], "StoppedReason": "Ended"}),
    )


SUCCESS = {"Containers": [{"Name": "job", "ExitCode": 0}], "TaskArn": "arn:task"}

# How tasks end, as Amazon ECS Developer Guide, "Stopped tasks error messages", and Step Functions'
# cause of `ecs:runTask.sync` have it: the members that tell of it.
STOPPED = "Essential container in task exited"


def ended(stop_code, stopped_reason, **job):
    container = {"Name": "job", "LastStatus": "STOPPED", "RuntimeId": "0b8f-1", "Cpu": "0", **job}
    task = {
        "Attempt": None,
        "Containers": [container],
        "DesiredStatus": "STOPPED",
        "LastStatus": "STOPPED",
        "LaunchType": "FARGATE",
        "StopCode": stop_code,
        "StoppedReason": stopped_reason,
        "TaskArn": "arn:aws:ecs:eu-west-1:123456789012:task/jobs/0b8f",
    }
    return TaskError("States.TaskFailed", json.dumps(task))


# What the row says, how the attempts end, what comes of it: status and attempts.
CASES = {
    "no rule matches: retried while retries are left": (
        [rule("fail", exit_codes=[9])], 2, [exits(1), exits(1), SUCCESS], ("SUCCEEDED", 3)),
    "no rule matches: fails when none is left": (
        [rule("fail", exit_codes=[9])], 1, [exits(1), exits(1), SUCCESS], ("FAILED", 2)),
    "fail: no further attempt": (
        [rule("fail", exit_codes=[2, 3])], 5, [exits(3), SUCCESS], ("FAILED", 1)),
    "ignore": (
        [rule("ignore", exit_codes=[4])], 5, [exits(4), SUCCESS], ("SUCCEEDED", 1)),
    "retry, as often as retries says": (
        [rule("retry", exit_codes=[7])], 1, [exits(7), exits(7), SUCCESS], ("FAILED", 2)),
    "the first that matches": (
        [rule("ignore", exit_codes=[1]), rule("fail", exit_codes=[1])], 0, [exits(1)],
        ("SUCCEEDED", 1)),
    "different ends, different rules": (
        [rule("retry", exit_codes=[1]), rule("fail", exit_codes=[2])], 5, [exits(1), exits(2)],
        ("FAILED", 2)),
    "an error by name": (
        [rule("fail", errors=["ContainerFailed"])], 5, [exits(1), SUCCESS], ("FAILED", 1)),
    "an error by its beginning": (
        [rule("ignore", errors=["Task*"])], 0,
        [TaskError("States.TaskFailed", json.dumps({"StopCode": "TaskFailedToStart"}))],
        ("SUCCEEDED", 1)),
    "a time-out": (
        [rule("retry", errors=["States.Timeout"]), rule("fail", errors=["*"])], 3,
        [TaskError("States.Timeout"), SUCCESS], ("SUCCEEDED", 2)),
    "killed for its memory": (
        [rule("fail", errors=["OutOfMemory*"])], 5,
        [ended("EssentialContainerExited", STOPPED, ExitCode=137,
               Reason="OutOfMemoryError: Container killed due to memory usage"), SUCCESS],
        ("FAILED", 1)),
    "all errors": (
        [rule("fail", errors=["*"])], 5, [exits(1), SUCCESS], ("FAILED", 1)),
}  # fmt: skip


ENDS = {
    "killed for its memory": ended(
        "EssentialContainerExited", STOPPED, ExitCode=137,
        Reason="OutOfMemoryError: Container killed due to memory usage"),
    "exit code 3": ended("EssentialContainerExited", STOPPED, ExitCode=3),
    "exit code 75": ended("EssentialContainerExited", STOPPED, ExitCode=75),
    "no such image": ended(
        "TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried 1 "
        "time(s): failed to resolve ref example.com/app:1: not found"),
    "no secret": ended(
        "TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry "
        "auth: execution resource retrieval failed"),
    "no room": ended(
        "TaskFailedToStart", "Capacity is unavailable at this time. Please try again later or in a "
        "different availability zone"),
    "no room when it is started": TaskError("AmazonECS.Unknown", json.dumps({"Failures": [
        {"Arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/jobs", "Reason": "Capacity is "
         "unavailable at this time. Please try again later or in a different availability zone"},
    ], "Tasks": []})),
    "a capacity provider that is not there yet": TaskError("ECS.InvalidParameterException",
        "The specified capacity provider strategy contains a capacity provider that is not "
        "associated with the cluster. (Service: AmazonECS; Status Code: 400)"),
    "a role that is new": ended(
        "TaskFailedToStart", "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/"
        "jobs/report' that was provided for this task. Please verify that the role being passed "
        "has the proper trust relationship and permissions"),
    "a role that is new when it is started": TaskError("ECS.ClientException",
        "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/jobs/report' that was "
        "provided for this task. (Service: AmazonECS; Status Code: 400)"),
    "a spot interruption": ended("SpotInterruption", "Your Spot Task was interrupted."),
    "a spot interruption of one that ends tidily": ended(
        "SpotInterruption", "Your Spot Task was interrupted.", ExitCode=0),
    "stopped by a person": ended("UserInitiated", "Task stopped by user", ExitCode=143),
    "killed, and no reason": ended("EssentialContainerExited", STOPPED, ExitCode=137),
    "time is over": TaskError("States.Timeout"),
}  # fmt: skip

EXITED = {"ContainerFailed", "Container*", "EssentialContainerExited"}
NOT_STARTED = {"TaskFailedToStart", "Task*"}
NAMED = {
    "killed for its memory": EXITED | {"OutOfMemoryError", "OutOfMemory*"},
    "exit code 3": EXITED,
    "no such image": NOT_STARTED | {"CannotPullContainerError", "CannotPull*"},
    "no secret": NOT_STARTED | {"ResourceInitializationError"},
    "no room": NOT_STARTED | {"InsufficientCapacity"},
    "no room when it is started": {"InsufficientCapacity"},
    "stopped by a person": {"Stopped", "UserInitiated"},
    "a capacity provider that is not there yet": {"InsufficientCapacity"},
    "a role that is new": NOT_STARTED | {"RoleNotReady"},
    "a role that is new when it is started": {"RoleNotReady"},
    "a spot interruption": {"SpotInterruption"},
    "a spot interruption of one that ends tidily": {"SpotInterruption"},
    "time is over": {"States.Timeout", "States.*"},
}
DEFINITION = definition(json.dumps(CONTAINER))
OUTCOME = DEFINITION["States"]["Run"]["Catch"][0]["Assign"]["outcome"]
NAMES = sorted({name for names in NAMED.values() for name in names})


def meets(end, one):
    """Tell whether an end meets a rule, by the workflow's own expressions."""
    error_output = {"Error": end.error, "Cause": end.cause}
    counters = dict.fromkeys(("attempts", "retries", "refusals"), 0)
    outcome = Scope(counters, {"errorOutput": error_output}).evaluate(OUTCOME, "outcome")
    [checked] = container_failure_rules([one])
    matches = marked(failure_rules.matches(checked))
    return Scope({"outcome": outcome}, {}).evaluate(matches, "Condition")


@pytest.mark.parametrize("end", NAMED)
def test_a_rule_may_call_an_end_by_each_of_its_names(end):
    met = {name for name in NAMES if meets(ENDS[end], rule("fail", errors=[name]))}

    assert met == NAMED[end]


DOCS = Path(__file__).parents[3] / "docs"


def documented():
    """Yield the lists of rules that the docs show, each as one list."""
    for page in ("reference/jobs.md", "concepts/runs.md"):
        blocks = re.findall(r"```(json|yaml)\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
        for kind, text in blocks:
            if '"action"' in text or "action:" in text:
                shown = json.loads(text) if kind == "json" else yaml.safe_load(text)
                yield page, shown if isinstance(shown, list) else shown["failure_rules"]


@pytest.mark.parametrize("page", ["reference/jobs.md", "concepts/runs.md"])
def test_every_error_and_exit_code_in_the_docs_is_met_by_a_real_end(page):
    rules = [one for shown, rules in documented() if shown == page for one in rules]
    assert rules
    for one in rules:
        attribute = "errors" if "errors" in one else "exit_codes"
        for name in one[attribute]:
            ends = [*ENDS.values(), *([exits(name)] if attribute == "exit_codes" else [])]
            alone = rule(one["action"], **{attribute: [name]})
            assert any(meets(end, alone) for end in ends), name


@pytest.mark.parametrize(
    "name",
    [
        "Function<Errno::ENOENT>",  # Ruby
        "com.acme.App$Retryable",  # Java
        "System.Collections.Generic.KeyNotFoundException`1[System.String]",  # .NET
        "errorString",  # Go
        "&str",  # Rust
        "Error: with words",
        "it's; $error('x')",
    ],
)
@pytest.mark.parametrize("star", ["", "*"])
def test_errors_are_called_as_their_language_calls_them(name, star):
    one = rule("ignore", errors=[name + star])

    assert meets(TaskError(name + ("More" if star else "")), one)
    assert not meets(TaskError("Other" + name), one)


@pytest.mark.parametrize(
    ("error", "name", "met"),
    [
        ("ValueError", "ValueError", True),
        ("ValueErrors", "ValueError", False),
        ("ValueErro", "ValueError", False),
        ("ValueErrors", "ValueError*", True),
        ("ValueError", "ValueError*", True),
        ("ValueErro", "ValueError*", False),
    ],
)
def test_a_name_is_met_whole_and_a_beginning_by_what_starts_with_it(error, name, met):
    assert meets(TaskError(error), rule("fail", errors=[name])) is met


@pytest.mark.parametrize(("rules", "retries", "ends", "expected"), CASES.values(), ids=CASES)
def test_rules(table, rules, retries, ends, expected):
    left = iter(ends)

    def work(_):
        end = next(left)
        if isinstance(end, TaskError):
            raise end
        return end

    execution = machine(CONTAINER, work, failure_rules=rules, retries=retries).run("first", {})

    run = only_run(table)
    assert (run["status"], run["attempts"]) == expected
    assert execution.status == expected[0]
    assert free(table)


def test_what_was_ignored_is_the_output(table):
    def work(_):
        raise TaskError("ValueError", json.dumps({"errorMessage": "no data"}))

    rules = [rule("ignore", errors=["ValueError"])]
    execution = machine(LAMBDA, work, failure_rules=rules).run("first", {})

    assert execution.output == {"ignored": {"error": "ValueError", "cause": "no data"}}
    assert json.loads(only_run(table)["output"]) == execution.output


def test_attempts_are_further_and_further_apart(table):
    def work(_):
        raise TaskError("ValueError")

    steps = machine(
        LAMBDA,
        work,
        failure_rules=[rule("retry", errors=["*"])],
        retries=3,
        retry_interval_seconds=10,
        retry_backoff=2,
    )
    before = steps.now

    steps.run("first", {})

    assert 10 + 20 + 40 <= (steps.now - before).total_seconds() < 72
    assert only_run(table)["attempts"] == 4


PATIENT = {"retries": 9, "retry_interval_seconds": 3600, "retry_backoff": 2}
THROTTLED = TaskError("ECS.ThrottlingException", "Rate exceeded")


PENDING = TaskError(
    "Lambda.ResourceConflictException",
    "The operation cannot be performed at this time. The function is currently in the following "
    "state: Pending (Service: AWSLambda; Status Code: 409)",
)
NEW_ROLE = TaskError(
    "Lambda.AccessDeniedException",
    "The role defined for the function cannot be assumed by Lambda. (Service: AWSLambda; "
    "Status Code: 403)",
)


def pause(end, drawn, row=CONTAINER, **counters):
    """Return the seconds before another attempt, when the number drawn at random is this one."""
    [catch] = definition(json.dumps(row | PATIENT))["States"]["Run"]["Catch"]
    error_output = {"Error": end.error, "Cause": end.cause}
    counted = dict.fromkeys(("attempts", "retries", "refusals"), 0) | counters
    drawing = catch["Assign"]["outcome"].replace("$random()", drawn)
    return Scope(counted, {"errorOutput": error_output}).evaluate(drawing, "outcome")["pause"]


@pytest.mark.parametrize(
    ("end", "refusals", "longest"),
    [
        (THROTTLED, 0, 2),
        (THROTTLED, 3, 16),
        (THROTTLED, 4, 30),
        (THROTTLED, 5, 30),
        (ENDS["a role that is new"], 0, 2),
        (ENDS["a role that is new when it is started"], 4, 30),
        (ENDS["no room"], 0, 15),
        (ENDS["no room"], 4, 240),
        (ENDS["no room"], 5, 300),
    ],
    ids=lambda value: value.error if isinstance(value, TaskError) else str(value),
)
def test_what_was_refused_is_tried_again_at_random_up_to_a_ceiling_that_doubles(
    end, refusals, longest
):
    assert pause(end, "0", refusals=refusals, retries=3) == ceil(longest / 2)
    assert pause(end, "0.9999", refusals=refusals, retries=3) == longest


@pytest.mark.parametrize(
    ("end", "row", "speed"),
    [
        (THROTTLED, CONTAINER, "soon"),
        (ENDS["a role that is new"], CONTAINER, "soon"),
        (ENDS["no room"], CONTAINER, "slow"),
        (NEW_ROLE, LAMBDA, "soon"),
        (PENDING, LAMBDA, "slow"),
        (TaskError("Lambda.ENINotReadyException"), LAMBDA, "slow"),
        (TaskError("Lambda.ResourceNotFoundException"), LAMBDA, "soon"),
    ],
    ids=["throttled", "task role", "capacity", "role", "pending", "interface", "unknown yet"],
)
def test_what_is_not_ready_is_waited_for(end, row, speed):
    waited = [pause(end, "0", row, refusals=number) for number in range(MAX_REFUSALS)]

    assert sum(waited) == SECONDS_OF_REFUSALS[speed]


@pytest.mark.parametrize(
    ("end", "counters", "seconds"),
    [
        (exits(1), {}, 3600),
        (exits(1), {"retries": 2, "refusals": 3}, 4 * 3600),
        (exits(1), {"retries": 5}, 86_400),
        (THROTTLED, {"retries": 1, "refusals": 6}, 2 * 3600),
    ],
    ids=["the first", "the third", "never longer than a day", "refused too often"],
)
def test_what_failed_is_tried_again_when_the_row_says(end, counters, seconds):
    assert pause(end, "0.9999", **counters) == seconds


SECRETS = {"TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/token"}
NOT_OF_ITS_FORM = "is not of the form"
WRONG = {
    "not allowed": ({"cpu": 512, "command": ["a"]}, "override cpu"),
    "unknown": ({"image": "x"}, "override image"),
    "no map": ("x", f"_run.overrides {NOT_OF_ITS_FORM}"),
    **{
        f"{name} {value!r}": ({name: value}, f"_run.overrides.{name} {NOT_OF_ITS_FORM}")
        for name, value in [
            *(("command", value) for value in ([], "", 5, {"a": "b"}, ["a", 5], [["a"]], [None])),
            ("environment", ["A"]),
            ("environment", "A=1"),
            *(("environment", {"A": value}) for value in ({"b": 1}, ["x"], None)),
            *(("environment", {name: "x"}) for name in ("A B", "", "1", "PAYLOAD", "RESULT_URI")),
            ("environment", {"TOKEN": "x"}),  # which the row takes from a secret
        ]
    },
    "more than ECS takes": ({"command": ["x" * 8000]}, "limited to 7168 characters"),
}
SIZES = {
    "memory with the row's cpu": ({"memory_mb": 1024}, True),
    "both": ({"cpu": 4096, "memory_mb": 30720}, True),
    "a size that Fargate does not have": ({"cpu": 300}, False),
    "no pair with the row's memory": ({"cpu": 4096}, False),
    "no pair": ({"cpu": 256, "memory_mb": 4096}, False),
    "a text": ({"cpu": "512", "memory_mb": 1024}, False),
    "a list": ({"cpu": [512], "memory_mb": 1024}, False),
    "a part": ({"memory_mb": 1024.5}, False),
    "a map": ({"memory_mb": {}}, False),
}


@pytest.mark.usefixtures("table")
class TestOverrides:
    def run(self, overrides, *allowed, **row):
        asked = []

        def work(arguments):
            asked.append(arguments["Overrides"])
            return SUCCESS

        steps = machine(CONTAINER, work, allow_overrides=list(allowed), **row)
        steps.run("first", {"n": 1, "_run": {"overrides": overrides}})
        return asked[0] if asked else None

    def test_all_of_them(self, table):
        asked = self.run(
            {"command": ["a", "b"], "environment": {"DAY": "1"}, "cpu": 512, "memory_mb": 1024},
            "command",
            "environment",
            "size",
        )

        (container,) = asked.pop("ContainerOverrides")
        assert asked == {"Cpu": "512", "Memory": "1024"}
        assert container.pop("Environment") == [
            {"Name": "DAY", "Value": "1"},
            {"Name": "PAYLOAD", "Value": '{"n":1}'},
            {"Name": "TRIGGER_ID", "Value": "2026-11-21T09:00:00.000Z#first"},
        ]
        assert container == {"Name": "job", "Command": ["a", "b"]}
        assert json.loads(only_run(table)["overrides"])["cpu"] == 512

    @pytest.mark.parametrize("command", [["a"], "a"], ids=["a list of one", "a text"])
    def test_a_command_of_one_word(self, command):
        asked = self.run({"command": command}, "command")

        assert asked["ContainerOverrides"][0]["Command"] == ["a"]

    def test_none_where_they_are_allowed(self, table):
        asked = self.run({}, "command", "environment", "size")

        assert list(asked) == ["ContainerOverrides"]
        assert "overrides" not in only_run(table)

    @pytest.mark.parametrize(("overrides", "words"), WRONG.values(), ids=WRONG)
    def test_what_is_refused(self, table, overrides, words):
        assert self.run(overrides, "command", "environment", secrets=SECRETS) is None

        run = only_run(table)
        assert (run["status"], run["error"]) == ("FAILED", "InvalidInput")
        assert words in run["cause"]

    @pytest.mark.parametrize(("overrides", "taken"), SIZES.values(), ids=SIZES)
    def test_sizes_are_those_of_fargate(self, overrides, taken):
        asked = self.run(overrides, "size")

        assert (asked is not None) is taken

    def test_members_that_are_null_are_absent(self, table):
        asked = self.run({"command": None, "cpu": None}, "command", "environment", "size")

        assert list(asked) == ["ContainerOverrides"]
        assert "Command" not in asked["ContainerOverrides"][0]
        assert "overrides" not in only_run(table)

    def test_a_function_has_none(self, table):
        machine(LAMBDA, echo).run("first", {"_run": {"overrides": {"cpu": 512}}})

        assert only_run(table)["cause"] == "The row does not allow a run to override cpu"
        assert "#lock" not in items(table)
