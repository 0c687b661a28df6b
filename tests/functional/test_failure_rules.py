"""Failure rules and overrides of single runs, by the workflow's own definition."""

from __future__ import annotations

import json

import pytest

from tests.functional.step_functions import TaskError
from tests.functional.test_workflow import (
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
    "all errors": (
        [rule("fail", errors=["*"])], 5, [exits(1), SUCCESS], ("FAILED", 1)),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "retries", "ends", "told"), CASES.values(), ids=CASES)
def test_rules(table, rules, retries, ends, told):
    left = iter(ends)

    def work(_):
        end = next(left)
        if isinstance(end, TaskError):
            raise end
        return end

    execution = machine(CONTAINER, work, failure_rules=rules, retries=retries).run("first", {})

    run = only_run(table)
    assert (run["status"], run["attempts"]) == told
    assert execution.status == told[0]
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


WRONG = {
    "not allowed": ({"cpu": 512, "command": ["a"]}, "override cpu"),
    "unknown": ({"image": "x"}, "override image"),
    "no map": ("x", "_run.overrides is not of the form"),
    "no environment": ({"environment": ["A"]}, "_run.overrides is not of the form"),
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
        assert self.run(overrides, "command", "environment") is None

        run = only_run(table)
        assert (run["status"], run["error"]) == ("FAILED", "InvalidInput")
        assert words in run["cause"]

    def test_a_function_has_none(self, table):
        machine(LAMBDA, echo).run("first", {"_run": {"overrides": {"cpu": 512}}})

        assert only_run(table)["cause"] == "The row does not allow a run to override cpu"
        assert "#lock" not in items(table)
