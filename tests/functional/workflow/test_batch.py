"""Runs on Batch, by the workflow's own definition; ends of jobs as DescribeJobs has them."""

from __future__ import annotations

import json

import pytest

from provisioner.aws.batch_jobs import batch_job_name
from provisioner.runs.arrays import array_of, children_of, size_of
from tests.functional.step_functions import Scope, TaskError
from tests.functional.workflow.test_run_time import definition
from tests.functional.workflow.test_workflow import free, machine, only_run, table

__all__ = ["table"]

BATCH = {
    "job_name": "crunch",
    "type": "batch",
    "owner": "Data team",
    "image": "public.ecr.aws/docker/library/busybox:1.37",
}
EXITED = "Essential container in task exited"
DONE = {
    "Status": "SUCCEEDED",
    "StatusReason": EXITED,
    "JobId": "0b8f",
    "Container": {"ExitCode": 0, "LogStreamName": "job/default/1"},
}


def ended(reason, *, environment="", **changes):
    container = changes.pop("Container", {})
    job = {
        "Attempts": [{"Container": container, "StatusReason": reason}],
        "Container": {"Environment": [{"Name": "A", "Value": environment}], **container},
        "JobId": "0b8f",
        "Status": "FAILED",
        "StatusReason": reason,
        **changes,
    }
    return json.dumps(job, separators=(",", ":"))


CANCELED = "Canceled by JobStateTimeLimit action due to reason: "
INTERRUPTED = "Your Spot Task was interrupted."
CHILDREN = {"Size": 20, "StatusSummary": {"FAILED": 3, "SUCCEEDED": 17}}
HOSTILE = '{"ExitCode":0,"Container":{"ExitCode":0}}'
LONG = ended(EXITED, environment=HOSTILE + "x" * 33_000, Container={"ExitCode": 4})

DEFINITION = definition(json.dumps(BATCH))
OUTCOME = DEFINITION["States"]["Run"]["Catch"][0]["Assign"]["outcome"]

# Status, error, exit code, and a part of the cause.
ENDS = {
    "an exit code": (
        ended(EXITED, Container={"ExitCode": 3}),
        ("FAILED", "ContainerFailed", 3, "Exit code 3. Essential container"),
    ),
    "killed for its memory": (
        ended(EXITED, Container={"ExitCode": 137, "Reason": "OutOfMemoryError: Container killed"}),
        ("FAILED", "ContainerFailed", 137, "OutOfMemoryError: Container killed"),
    ),
    "no such image": (
        ended("Task failed to start", Container={"Reason": "CannotPullContainerError: not found"}),
        ("FAILED", "TaskFailedToStart", None, "CannotPullContainerError: not found"),
    ),
    "an attempt that took too long": (
        ended("Job attempt duration exceeded timeout", Container={"ExitCode": 137}),
        ("TIMED_OUT", "States.Timeout", 137, "exceeded timeout"),
    ),
    "ended by a person": (
        ended("not today", Container={"ExitCode": 0}, IsTerminated=True),
        ("FAILED", "Stopped", 0, "not today"),
    ),
    "no capacity": (
        ended(CANCELED + "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", IsCancelled=True),
        ("FAILED", "InsufficientCapacity", None, "INSUFFICIENT_INSTANCE_CAPACITY"),
    ),
    "more than there can be": (
        ended(CANCELED + "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", IsCancelled=True),
        ("FAILED", "JobStateTimeLimit", None, "JOB_RESOURCE_REQUIREMENT"),
    ),
    "a spot interruption": (
        ended(INTERRUPTED, Container={"ExitCode": 143}),
        ("FAILED", "SpotInterruption", 143, "Exit code 143. Your Spot Task"),
    ),
    "children of an array": (
        ended("Array Child Job failed", ArrayProperties=CHILDREN, Container={}),
        ("FAILED", "ArrayFailed", None, "3 of 20 children failed"),
    ),
    "a cause that Step Functions cut": (
        LONG[:32_000],
        ("FAILED", "ContainerFailed", 4, "Exit code 4"),
    ),
    "a description that says nothing": ("{}", ("FAILED", "States.TaskFailed", None, "")),
    "no description": ("", ("FAILED", "States.TaskFailed", None, "")),
}


@pytest.mark.parametrize(("cause", "expected"), ENDS.values(), ids=ENDS)
def test_the_end_of_a_job(cause, expected):
    found = {"Error": "States.TaskFailed", "Cause": cause}
    counters = dict.fromkeys(("attempts", "retries", "refusals"), 0)
    outcome = Scope(counters, {"errorOutput": found}).evaluate(OUTCOME, "outcome")

    status, error, exit_code, part = expected
    assert outcome["status"] == status
    assert outcome["error"] == error
    assert outcome.get("exit_code") == exit_code
    assert part in outcome["cause"]


def test_rules_read_the_names_in_reasons(table):
    jobs = [TaskError("States.TaskFailed", ENDS["no such image"][0]), DONE]
    row = BATCH | {
        "retries": 3,
        "failure_rules": [{"errors": ["CannotPull*"], "action": "fail"}],
    }
    machine(row, lambda _: answer(jobs)).run("one", {})

    assert only_run(table)["error"] == "TaskFailedToStart"
    assert len(jobs) == 1


def answer(jobs):
    found = jobs.pop(0)
    if isinstance(found, TaskError):
        raise found
    return found


def test_a_run_submits_its_job_and_records_where_it_prints(table):
    asked = []
    row = BATCH | {"priority": "high", "payload": {"a": 1}}
    machine(row, lambda arguments: asked.append(arguments) or DONE).run("run 1", {"b": 2})

    [arguments] = asked
    assert arguments["JobName"] == batch_job_name("run 1") == "run-run-1"
    assert arguments["JobQueue"].endswith(":job-queue/jobs_high")
    assert arguments["ShareIdentifier"] == "Datateam"
    assert arguments["Tags"] == {"provisioner": "jobs"}
    given = {each["Name"]: each["Value"] for each in arguments["ContainerOverrides"]["Environment"]}
    assert json.loads(given["PAYLOAD"]) == {"a": 1, "b": 2}
    run = only_run(table)
    assert run["status"] == "SUCCEEDED"
    assert run["type"] == "batch"
    assert json.loads(run["output"])["log_stream"] == "job/default/1"
    assert free(table)


def test_a_run_may_have_another_command_and_size(table):
    asked = []
    row = BATCH | {"allow_overrides": ["command", "environment", "size"]}
    wanted = {"command": ["a", "b"], "cpu": 256, "memory_mb": 1024, "environment": {"N": 3}}
    machine(row, lambda arguments: asked.append(arguments) or DONE).run(
        "one", {"_run": {"overrides": wanted}}
    )

    overrides = asked[0]["ContainerOverrides"]
    assert overrides["Command"] == ["a", "b"]
    assert {"Name": "N", "Value": "3"} in overrides["Environment"]
    assert overrides["ResourceRequirements"] == [
        {"Type": "VCPU", "Value": "0.25"},
        {"Type": "MEMORY", "Value": "1024"},
    ]
    assert only_run(table)["status"] == "SUCCEEDED"


LOST = {
    "interrupted": TaskError("States.TaskFailed", ENDS["a spot interruption"][0]),
    "interrupted, which Batch takes for a success": DONE | {"StatusReason": INTERRUPTED},
    "no capacity": TaskError("States.TaskFailed", ENDS["no capacity"][0]),
}


@pytest.mark.parametrize("end", LOST.values(), ids=LOST)
def test_what_spot_loses_is_submitted_again_on_demand(table, end):
    jobs, queues = [end, DONE], []

    def work(arguments):
        queues.append(arguments["JobQueue"].rpartition("/")[2])
        return answer(jobs)

    machine(BATCH | {"spot": "prefer"}, work).run("one", {})

    assert queues == ["jobs_normal_spot", "jobs_normal"]
    run = only_run(table)
    assert (run["status"], run["attempts"], run["capacity_type"]) == ("SUCCEEDED", 2, "on_demand")


def test_a_job_tells_how_long_it_waited_and_ran(table):
    times = {"CreatedAt": 1_000, "StartedAt": 61_000, "StoppedAt": 62_500}
    machine(BATCH, lambda _: DONE | times).run("one", {})

    run = only_run(table)
    assert (run["queued_ms"], run["run_ms"], run["exit_code"]) == (60_000, 1500, 0)


def attempt(seconds, start=1_000):
    return {"StartedAt": start, "StoppedAt": start + 1000 * seconds, "Container": {}}


NEVER_BEGAN = {"StatusReason": "Task failed to start", "StoppedAt": 9_000}


def failed(*attempts, **more):
    cause = ended("Essential container in task exited", Attempts=list(attempts), **more)
    return TaskError("States.TaskFailed", cause)


def done(*attempts):
    return DONE | {"Attempts": list(attempts)}


TIMES = {
    "one attempt": ([done(attempt(60))], 60_000),
    "begun by Batch at the second try": ([done(NEVER_BEGAN, attempt(60))], 60_000),
    "never begun": ([failed(NEVER_BEGAN)], 0),
    "two attempts": ([failed(attempt(30)), done(attempt(60, 200_000))], 90_000),
    "refused first": ([TaskError("Batch.ServerException"), done(attempt(60))], 60_000),
    "cut, so that nobody knows": ([TaskError("States.TaskFailed", LONG[:32_000])], None),
    "cut first": (
        [TaskError("States.TaskFailed", LONG[:32_000]), done(attempt(60))],
        None,
    ),
    "cut first, then another attempt": (
        [TaskError("States.TaskFailed", LONG[:32_000]), failed(attempt(1)), done(attempt(60))],
        None,
    ),
}


@pytest.mark.parametrize(("jobs", "took"), TIMES.values(), ids=TIMES)
def test_the_time_of_the_work_is_what_batch_says_without_the_waiting(table, jobs, took):
    jobs = list(jobs)
    machine(BATCH | {"retries": 2 if len(jobs) > 1 else 0}, lambda _: answer(jobs)).run("one", {})

    assert jobs == []
    assert only_run(table).get("work_ms") == took


def test_of_an_array_the_id_is_known_and_not_the_time(table):
    array = done() | {"ArrayProperties": CHILDREN}
    machine(BATCH | {"array_size": 20}, lambda _: array).run("one", {})

    run = only_run(table)
    assert run["batch_job_id"] == DONE["JobId"]
    assert "work_ms" not in run
    assert children_of(array_of(run), size_of(run))[-1] == f"{DONE['JobId']}:19"


def test_batch_retries_the_children_of_an_array_and_the_workflow_does_not(table):
    asked = []
    failed = TaskError("States.TaskFailed", ENDS["children of an array"][0])

    def work(arguments):
        asked.append(arguments)
        raise failed

    machine(BATCH | {"array_size": 20, "retries": 5}, work).run("one", {})

    assert [arguments["ArrayProperties"] for arguments in asked] == [{"Size": 20}]
    run = only_run(table)
    assert (run["error"], run["cause"]) == (
        "ArrayFailed",
        "3 of 20 children failed. Array Child Job failed",
    )
