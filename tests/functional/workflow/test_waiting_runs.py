"""Runs that meet another: the workflow's own definition and `RunControl`, over a real table."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import boto3
import pytest

from provisioner.aws.triggers_table import TriggersTable
from provisioner.errors import ConflictError, NotFoundError
from provisioner.runs.model import MAX_WAITING, EndedExecution, RunStatus
from provisioner.runs.overlap import RunControl, stop
from provisioner.runs.work import WorkByType
from tests.functional.step_functions import StepFunctions, TaskError
from tests.functional.workflow.test_workflow import LAMBDA, TABLE, free, items, machine, table
from tests.support.clients import CLIENTS

__all__ = ["table"]

ARN = "arn:aws:states:eu-west-1:123456789012:execution:jobs-x:"


@dataclass
class Executions:
    """Step Functions: an execution runs to its end when it is started, unless it was stopped."""

    steps: StepFunctions
    started: dict[str, str] = field(default_factory=dict)
    ended_as: dict[str, RunStatus] = field(default_factory=dict)
    error_output: dict[str, str] = field(default_factory=dict)  # error and cause of an end
    removed: bool = False

    def start(self, _job_name, execution_name, execution_input):
        if self.removed:
            raise NotFoundError("no state machine")
        if execution_name in self.started:
            raise ConflictError("ExecutionAlreadyExists")
        self.started[execution_name] = execution_input
        execution = self.steps.run(execution_name, json.loads(execution_input))
        self.ended_as.setdefault(execution_name, RunStatus(execution.status))
        return ARN + execution_name

    def arn(self, _job_name, execution_name):
        return ARN + execution_name

    def stop(self, execution_arn, **_):
        self.ended_as[execution_arn.rpartition(":")[2]] = RunStatus.STOPPED

    def ended(self, job_name, execution_arn):
        name = execution_arn.rpartition(":")[2]
        if name not in self.ended_as and (self.removed or name not in self.started):
            return EndedExecution(
                job_name, name, execution_arn, RunStatus.STOPPED, self.steps.now, self.steps.now
            )
        if name not in self.ended_as:
            return None
        rows = items(self.table, "2026").values()
        row = next((row for row in rows if row.get("execution_arn") == execution_arn), {})
        return EndedExecution(
            job_name,
            name,
            execution_arn,
            self.ended_as[name],
            self.steps.now,
            self.steps.now,
            waited=row.get("trigger_id"),
            **self.error_output,
        )

    table = None


@dataclass
class World:
    steps: StepFunctions
    control: RunControl
    executions: Executions

    def run(self, name, given=None, **metadata):
        """Start a run as its caller does."""
        self.executions.start("nightly", name, json.dumps((given or {}) | {"_run": metadata}))

    def look(self):
        return self.control.start_next("nightly")

    def statuses(self):
        rows = items(self.executions.table, "2026").values()
        return {r["trigger_id"].partition("#")[2]: r["status"] for r in rows}

    def row(self, name):
        rows = items(self.executions.table, "2026")
        return next(row for key, row in rows.items() if key.endswith(f"#{name}"))


@pytest.fixture
def world(table, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    Executions.table = table

    def make(overlap, during=lambda _: None, **changes):
        """Return a world in which `during` happens in the middle of every run."""

        def work(arguments):
            during(arguments["Payload"])
            return arguments["Payload"]

        steps = machine(LAMBDA, work, overlap=overlap, **changes)
        executions = Executions(steps)
        control = RunControl(
            TriggersTable(CLIENTS, TABLE), executions, WorkByType({}), lambda: steps.now
        )
        return World(steps, control, executions)

    return make


def crowd(world, overlap, *names, metadata=None):
    """Start the first run, and all others in its middle."""
    first, *others = names

    def during(payload):
        if payload.get("n") == first:
            for name in others:
                made.run(name, {"n": name}, **(metadata or {}).get(name, {}))

    made = world(overlap, during)
    made.run(first, {"n": first})
    return made


def drain(world):
    """Look until nothing is left to start; return what was started, in order."""
    started = []
    while name := world.look():
        started.append(name.partition("-")[0])
    return started


def test_queue_one_keeps_the_first_waiter(world):
    here = crowd(world, "queue_one", "a", "b", "c")
    assert here.statuses() == {"a": "SUCCEEDED", "b": "QUEUED", "c": "SKIPPED"}
    assert here.row("c")["cause"] == "As many runs as may wait do so already"

    assert drain(here) == ["b"]

    assert here.statuses() == {"a": "SUCCEEDED", "b": "SUCCEEDED", "c": "SKIPPED"}
    row = here.row("b")
    assert json.loads(row["output"]) == {"n": "b"}
    assert row["queued_at"] == row["trigger_id"].partition("#")[0]
    assert row["queued_at"] < row["started_at"] <= row["ended_at"]
    assert not row["execution_arn"].endswith(":b")


def test_queue_all_runs_all_in_their_order(world):
    names = [f"r{number}" for number in range(5)]
    here = crowd(world, "queue_all", *names)
    assert list(here.statuses().values()) == ["SUCCEEDED", *["QUEUED"] * 4]

    assert drain(here) == names[1:]

    assert set(here.statuses().values()) == {"SUCCEEDED"}
    assert free(here.executions.table)
    assert "waiting" not in items(here.executions.table)["#lock"]


def test_a_run_that_comes_when_others_wait_does_not_pass_them(world):
    here = crowd(world, "queue_all", "a", "b")

    here.run("late", {"n": "late"})

    assert here.statuses()["late"] == "QUEUED"
    assert drain(here) == ["b", "late"]


def test_a_run_that_waits_its_turn_stops_no_other(world):
    def during(payload):
        if payload["n"] == "a":
            here.run("b", {"n": "b"})
            assert here.look() is None

    here = world("queue_all", during)
    here.run("a", {"n": "a"})

    assert here.statuses() == {"a": "SUCCEEDED", "b": "QUEUED"}
    assert here.executions.ended_as["a"] is RunStatus.SUCCEEDED


def test_cancel_other_stops_the_running_one_and_takes_its_place(world):
    def during(payload):
        if payload["n"] == "a":
            here.run("b", {"n": "b"})
            here.look()

    here = world("cancel_other", during)
    here.run("a", {"n": "a"})

    assert here.statuses() == {"a": "STOPPED", "b": "SUCCEEDED"}
    assert here.row("a")["cause"] == f"{here.row('b')['trigger_id']} took its place"
    assert here.row("a")["stopped_by"] == "overlap"


def test_the_last_to_cancel_others_wins(world):
    def during(payload):
        if payload["n"] == "a":
            for name in "bcd":
                here.run(name, {"n": name})
            here.look()

    here = world("cancel_other", during)
    here.run("a", {"n": "a"})

    assert here.statuses() == {"a": "STOPPED", "b": "SKIPPED", "c": "SKIPPED", "d": "SUCCEEDED"}


ORDERS = {
    "the latest joins first": ([True], False),
    "the latest runs already": ([True], True),
    "backwards": ([True, True], False),
    "the first one last": ([True, False], False),
    "the middle one last": ([False, True], True),
    "backwards, and the latest has run": ([True, True, True], True),
}


@pytest.mark.parametrize(("late", "looks"), ORDERS.values(), ids=ORDERS)
def test_of_those_that_cancel_others_the_latest_wins_in_whatever_order_they_join(
    world, late, looks
):
    """Each run that is `late` joins after all that came after it, which may have run by then."""
    names = "bcde"[: len(late) + 1]

    def together(number):
        def others():
            here.steps.before.pop("Queue", None)
            together(number + 1)

        if number == len(names):
            return here.look() if looks else None
        waits = number < len(late) and late[number]
        if waits:
            here.steps.before["Queue"] = others
        here.run(names[number], {"n": names[number]})
        return None if waits else others()

    def during(payload):
        if payload["n"] == "a":
            together(0)
            drain(here)

    here = world("cancel_other", during)
    here.run("a", {"n": "a"})

    ended = here.statuses()
    assert (ended.pop("a"), ended.pop(names[-1])) == ("STOPPED", "SUCCEEDED")
    assert set(ended.values()) == {"SKIPPED"}
    assert all(here.row(name)["cause"].endswith(" took its place") for name in ended)


OVERRIDES = {
    "waits": ("skip", "queue_one", "QUEUED"),
    "is skipped": ("queue_all", "skip", "SKIPPED"),
    "runs at once": ("skip", "allow", "SUCCEEDED"),
    "would cancel": ("skip", "cancel_other", "QUEUED"),
}


@pytest.mark.parametrize(("row", "override", "status"), OVERRIDES.values(), ids=OVERRIDES)
def test_a_single_run_may_have_a_policy_of_its_own(world, row, override, status):
    here = crowd(world, row, "a", "b", metadata={"b": {"overlap": override}})

    assert here.statuses() == {"a": "SUCCEEDED", "b": status}


def test_a_policy_that_is_none_is_refused(world):
    here = world("skip")

    here.run("a", overlap="never")

    assert here.statuses() == {"a": "FAILED"}
    assert here.row("a")["cause"].startswith("_run.overlap must be one of skip, queue_one")


def test_no_more_wait_than_may(world):
    def during(payload):
        if payload["n"] == "a":
            waiting = {f"2026-01-01T00:00:00.000Z#{number}" for number in range(MAX_WAITING)}
            here.executions.table.update_item(
                Key={"job_name": "nightly", "trigger_id": "#lock"},
                UpdateExpression="ADD waiting :waiting",
                ExpressionAttributeValues={":waiting": waiting},
            )
            here.run("b", {"n": "b"})

    here = world("queue_all", during)
    here.run("a", {"n": "a"})

    assert here.statuses()["b"] == "SKIPPED"


def test_what_waits_without_a_row_is_forgotten(world):
    here = crowd(world, "queue_all", "a", "b", "c")
    boto3.client("dynamodb", "eu-west-1").delete_item(
        TableName=TABLE,
        Key={
            "job_name": {"S": "nightly"},
            "trigger_id": {"S": here.row("b")["trigger_id"]},
        },
    )

    assert drain(here) == ["c"]


def test_a_start_without_success_is_made_up_for(world):
    here = crowd(world, "queue_all", "a", "b")
    here.steps.before["Admit"] = lambda: here.executions.table.update_item(
        Key={"job_name": "nightly", "trigger_id": "#lock"},
        UpdateExpression="SET #owner = :other, lease_until = :late",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":other": "other", ":late": 1_800_000_000},
    )
    assert here.look() is not None
    assert here.statuses()["b"] == "QUEUED"
    assert here.row("b")["starts"] == 1
    del here.steps.before["Admit"]
    assert here.look() is None  # the other holds the lock
    here.control.runs.release("nightly", "other")

    assert drain(here) == ["b"]

    assert here.statuses()["b"] == "SUCCEEDED"


def test_a_run_that_was_tried_once_more_in_the_meantime_continues_waiting(world):
    """Its last execution was stopped after it had put it back; somebody else has not read that."""
    here = crowd(world, "queue_all", "a", "b")
    here.steps.before["Admit"] = lambda: here.executions.table.update_item(
        Key={"job_name": "nightly", "trigger_id": "#lock"},
        UpdateExpression="SET #owner = :other, lease_until = :late",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":other": "other", ":late": 1_800_000_000},
    )
    name = here.look()
    del here.steps.before["Admit"]
    here.executions.ended_as[name] = RunStatus.STOPPED
    here.executions.table.update_item(
        Key={"job_name": "nightly", "trigger_id": here.row("b")["trigger_id"]},
        UpdateExpression="SET execution_arn = :arn",
        ExpressionAttributeValues={":arn": ARN + name},
    )
    here.control.runs.release("nightly", "other")

    class Stale:
        def __getattr__(self, method):
            return getattr(here.control.runs, method)

        def waiting(self, *key):
            return replace(here.control.runs.waiting(*key), starts=0)

    assert replace(here.control, runs=Stale()).start_next("nightly") is None

    assert here.statuses()["b"] == "QUEUED"
    assert drain(here) == ["b"]


ERROR_OUTPUTS = {
    "nothing": ({}, ("NotStarted", "The execution ended before it was admitted")),
    "an error": ({"error": "States.Runtime", "cause": "why"}, ("States.Runtime", "why")),
}


@pytest.mark.parametrize(("error_output", "expected"), ERROR_OUTPUTS.values(), ids=ERROR_OUTPUTS)
def test_an_execution_that_died_before_its_admission_ends_the_run(world, error_output, expected):
    here = crowd(world, "queue_all", "a", "b", "c")

    def die():
        raise TaskError("States.Runtime", "no such state")

    here.steps.before["Admit"] = die
    here.look()
    del here.steps.before["Admit"]
    row = here.row("b")
    [name] = [name for name in here.executions.started if name.startswith("b-")]
    here.executions.ended_as[name] = RunStatus.FAILED
    here.executions.error_output = error_output
    here.executions.table.update_item(  # where the execution was last heard of
        Key={"job_name": "nightly", "trigger_id": row["trigger_id"]},
        UpdateExpression="SET execution_arn = :arn",
        ExpressionAttributeValues={":arn": ARN + name},
    )

    assert drain(here) == ["c"]

    assert here.statuses() == {"a": "SUCCEEDED", "b": "FAILED", "c": "SUCCEEDED"}
    ended = here.row("b")
    assert (ended["error"], ended["cause"]) == expected
    assert ended["ended_at"] >= ended["started_at"]


def test_what_has_to_go_for_another_may_have_gone_already(world):
    def during(payload):
        if payload["n"] == "a":
            for name in "bc":
                here.run(name, {"n": name})
            key = {"job_name": "nightly", "trigger_id": here.row("b")["trigger_id"]}
            here.executions.table.delete_item(Key=key)
            here.look()

    here = world("cancel_other", during)
    here.run("a", {"n": "a"})

    assert here.statuses() == {"a": "STOPPED", "c": "SUCCEEDED"}
    assert "waiting" not in items(here.executions.table)["#lock"]


def test_runs_of_a_job_that_is_gone_are_stopped(world):
    here = crowd(world, "queue_all", "a", "b", "c")
    here.executions.removed = True

    assert here.look() is None

    assert here.statuses() == {"a": "SUCCEEDED", "b": "STOPPED", "c": "STOPPED"}


def test_a_large_input_is_kept_while_its_run_waits(world):
    def during(payload):
        if payload["n"] == "a":
            here.run("b", {"n": "b", "text": "x" * 120_000})

    here = world("queue_all", during)
    here.run("a", {"n": "a"})
    assert here.row("b")["input"].startswith("s3://")

    assert drain(here) == ["b"]

    assert here.statuses()["b"] == "SUCCEEDED"


def test_a_run_that_waited_keeps_its_time_and_source(world):
    metadata = {"source": "backfill", "scheduled_for": "2026-01-01T00:00:00Z"}
    metadata |= {"by": "arn:aws:iam::1:a", "parent": "first"}
    here = crowd(world, "queue_all", "a", "b", metadata={"b": metadata})

    drain(here)

    row = here.row("b")
    names = ("source", "scheduled_for", "started_by", "parent")
    assert [row[name] for name in names] == [*metadata.values()]


class TestStop:
    def stop(self, here, name):
        return self.stop_run(here, here.row(name)["trigger_id"])

    def stop_run(self, here, trigger_id):
        key = ("nightly", trigger_id)
        runs, executions, now = here.control.runs, here.executions, here.steps.now
        return stop(runs, executions, key, by="ann", reason="not today", now=now)

    def test_a_waiting_run_never_starts(self, world):
        here = crowd(world, "queue_all", "a", "b", "c")

        assert self.stop(here, "b") is RunStatus.QUEUED

        row = here.row("b")
        assert (row["status"], row["stopped_by"], row["cause"]) == ("STOPPED", "ann", "not today")
        assert drain(here) == ["c"]

    def test_a_running_run_is_asked_to_stop(self, world):
        def during(_):
            assert self.stop(here, "a") is RunStatus.RUNNING
            here.control.runs.end(here.executions.ended("nightly", ARN + "a"))

        here = world("skip", during)
        here.run("a")

        row = here.row("a")
        assert (row["status"], row["error"], row["cause"]) == ("STOPPED", "Stopped", "not today")
        assert row["stopped_by"] == "ann"

    def test_what_has_ended_stays(self, world):
        here = world("skip")
        here.run("a")
        before = here.row("a")

        assert self.stop(here, "a") is RunStatus.SUCCEEDED

        assert here.row("a") == before

    def test_a_run_that_starts_in_the_meantime_is_not_said_to_wait(self, world):
        here = crowd(world, "queue_all", "a", "b")

        class Late:
            """Runs of which the next one starts just before the end of a waiting one is written."""

            mark_stopping = here.control.runs.mark_stopping

            def end_waiting(self, *run_and_end):
                assert here.look() is not None
                return here.control.runs.end_waiting(*run_and_end)

        key = ("nightly", here.row("b")["trigger_id"])
        now = here.steps.now
        ended = stop(Late(), here.executions, key, by="ann", reason="not today", now=now)

        assert ended is RunStatus.SUCCEEDED
        assert here.statuses()["b"] == "SUCCEEDED"
        assert "stopped_by" not in here.row("b")

    def test_such_a_run_may_not_exist(self, world):
        here = world("skip")

        assert self.stop_run(here, "2026#x") is None
