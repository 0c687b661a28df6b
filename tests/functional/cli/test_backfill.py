"""`provisioner backfill` over moto."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.executions import stop_execution, wait_for_status
from tests.support.rows import ROW

DONE = {"Type": "Succeed"}
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
DAILY = ROW | {"schedule": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin"}
WEEK = ("--from", "2026-10-22", "--to", "2026-10-29")


class Workflows:
    """The workflows of runs that were started: each writes a row after the first query for it.

    Attributes
    ----------
    without_row
        Runs without a row yet.
    overtaking
        How many of these there were whenever one more was started.
    """

    def __init__(self):
        self.without_row = {}
        self.overtaking = []

    def start(self, parsed, **_):
        if "executionArn" not in parsed:
            return  # it was started before
        self.overtaking.append(len(self.without_row))
        name = parsed["executionArn"].rpartition(":")[2]
        self.without_row[name] = parsed["startDate"]

    def write_rows(self, **_):
        for name, started_at in self.without_row.items():
            put_run("report", name, "QUEUED", started_at=started_at)
        self.without_row.clear()


@pytest.fixture
def workflows():
    workflows = Workflows()
    hooks = {
        "stepfunctions": ("after-call.stepfunctions.StartExecution", workflows.start),
        "dynamodb": ("after-call.dynamodb.Query", workflows.write_rows),
    }
    for service, hook in hooks.items():
        getattr(CLIENTS, service).meta.events.register(*hook)
    yield workflows
    for service, hook in hooks.items():
        getattr(CLIENTS, service).meta.events.unregister(*hook)


@pytest.fixture
def job(here, workflows):  # noqa: ARG001  (a job's runs get rows)
    here.jobs.put(DAILY)
    here.machine = here.make_runnable(DONE)
    return here


@pytest.fixture
def run_as(job):
    """Let the job's runs be of one state; those that go on are stopped at the end."""

    def run_as(state):
        definition = {"StartAt": "First", "States": {"First": state}}
        CLIENTS.stepfunctions.update_state_machine(
            stateMachineArn=job.machine, definition=json.dumps(definition)
        )

    yield run_as
    for execution in executions_of(job):
        if execution["status"] == "RUNNING":
            stop_execution(execution["executionArn"])


def executions_of(job):
    return CLIENTS.stepfunctions.list_executions(stateMachineArn=job.machine)["executions"]


def inputs(job):
    found = {}
    for execution in executions_of(job):
        text = CLIENTS.stepfunctions.describe_execution(executionArn=execution["executionArn"])[
            "input"
        ]
        found[execution["name"]] = json.loads(text)["_run"]
    return found


def test_one_run_for_each_scheduled_time_in_order(job):
    result = job.run("backfill", "report", *WEEK)

    assert result.exit_code == 0, result.stderr
    assert "Started 7 of 7 runs" in result.stderr
    metadata = inputs(job)
    # The clocks go back on the 25th.
    assert sorted(run["scheduled_for"] for run in metadata.values()) == [
        *(f"2026-10-{day}T04:00:00Z" for day in (22, 23, 24)),
        *(f"2026-10-{day}T05:00:00Z" for day in (25, 26, 27, 28)),
    ]
    assert {run["source"] for run in metadata.values()} == {"backfill"}
    assert {run["overlap"] for run in metadata.values()} == {"queue_all"}
    assert all(run["by"].startswith("arn:aws:sts:") for run in metadata.values())
    shown = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert shown == sorted(shown)


@pytest.mark.parametrize("overlap", ["queue_all", "queue_one", "skip", "cancel_other"])
def test_none_is_started_before_the_one_before_it_is_admitted(job, workflows, overlap):
    days = ("--from", "2026-10-22", "--to", "2026-10-25")
    result = job.run("backfill", "report", *days, "--overlap", overlap)

    assert result.exit_code == 0, result.stderr
    assert workflows.overtaking == [0, 0, 0]
    runs = job.triggers.latest("report", 10)
    assert sorted(runs, key=lambda run: run["trigger_id"]) == sorted(
        runs, key=lambda run: run["trigger_id"].partition("#")[2]
    )


def test_those_that_run_side_by_side_do_not_wait(job, workflows):
    job.run("backfill", "report", *WEEK, "--overlap", "allow")
    assert workflows.overtaking == list(range(7))


def test_a_run_that_does_not_begin_ends_it_and_the_same_again_continues(job, workflows):
    write_rows = workflows.write_rows
    events = CLIENTS.dynamodb.meta.events
    events.unregister("after-call.dynamodb.Query", write_rows)
    result = job.run("backfill", "report", *WEEK, "--timeout", "0s")

    assert result.exit_code == 7
    assert re.search(r"backfill-20261022T040000Z-\S+ has not begun", result.stderr)
    assert len(inputs(job)) == 1

    events.register("after-call.dynamodb.Query", write_rows)
    assert job.run("backfill", "report", *WEEK).exit_code == 0
    assert len(inputs(job)) == 7


@pytest.mark.parametrize(
    ("state", "status"), [(DONE, "SUCCEEDED"), (ENDLESS, "RUNNING")], ids=["ended", "running"]
)
def test_the_same_again_starts_nothing_twice(job, run_as, state, status):
    run_as(state)
    job.run("backfill", "report", *WEEK)
    for execution in executions_of(job):
        wait_for_status(execution["executionArn"], status)
    spelled = ("--from", "2026-10-21T22:00:00Z", "--to", "2026-10-29T00:00")

    result = job.run("backfill", "report", *spelled)

    assert result.exit_code == 0
    assert "Started 0 of 7 runs" in result.stderr
    assert "was started before" in result.stdout
    assert len(inputs(job)) == 7


def test_another_backfill_of_the_same_time_is_another(job):
    job.run("backfill", "report", *WEEK)
    result = job.run("backfill", "report", *WEEK, "--overlap", "allow")
    assert "Started 7 of 7 runs" in result.stderr
    assert len(inputs(job)) == 14


def test_a_dry_run_starts_nothing(job):
    result = job.run("backfill", "report", *WEEK, "--dry-run")
    assert "Thu 2026-10-22 06:00 +02:00" in result.stdout
    assert "This would start 7 runs" in result.stderr
    assert inputs(job) == {}


def test_a_period_without_scheduled_times(job):
    result = job.run("backfill", "report", "--from", "2026-10-22T07:00", "--to", "2026-10-22T08:00")
    assert result.exit_code == 0
    assert "0 of 0" in result.stderr


def test_a_schedule_that_ended_within_the_period(job):
    job.jobs.put(DAILY | {"schedule_end": "2026-10-24T00:00"})
    result = job.run("backfill", "report", *WEEK)
    assert "Started 2 of 2 runs" in result.stderr


def test_all_schedules_of_a_row_take_part(job):
    job.jobs.put(DAILY | {"schedule": ["cron(0 6 * * ? *)", "cron(0 18 * * ? *)"]})
    job.run("backfill", "report", "--from", "2026-11-01", "--to", "2026-11-02")
    assert len(inputs(job)) == 2


WRONG = {
    "the wrong way round": (("2026-10-29", "2026-10-22"), 2, "must be after"),
    "not over yet": (("2026-10-22", "2199-01-01"), 2, "in the future"),
    "no time": (("yesterday", "2026-10-22"), 2, "yesterday"),
    "too many": (("2000-01-01", "2026-01-01"), 2, "more than 1000 scheduled times"),
}


@pytest.mark.parametrize(("window", "code", "words"), WRONG.values(), ids=WRONG)
def test_what_is_refused(job, window, code, words):
    start, end = window
    result = job.run("backfill", "report", "--from", start, "--to", end)
    assert result.exit_code == code
    assert words in " ".join(result.stderr.split())
    assert inputs(job) == {}


def test_a_job_without_a_stack(here):
    here.jobs.put(DAILY)
    result = here.run("backfill", "report", *WEEK)
    assert result.exit_code == 1
    assert "report has no stack yet" in result.stderr
