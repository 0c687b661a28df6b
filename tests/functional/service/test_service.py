"""What no command shows of the service: another caller, another clock, steps one at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.errors import InvalidRequestError, PermanentError
from provisioner.runs.model import RunStatus
from provisioner.service import backfill, runs, start_run
from provisioner.service.backfill import NotAdmitted, RunStarted
from provisioner.service.caller import Caller, Role
from provisioner.service.start_run import RunRequest
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW
from tests.support.waiting import wait_until

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
FAILING = {"Type": "Fail", "Error": "ValueError", "Cause": "not valid"}
WEEK = ("2026-10-22", "2026-10-29")


@pytest.fixture
def job(here):
    here.jobs.put(ROW | {"schedule": "cron(0 6 * * ? *)"})
    return here


def start(job, states):
    job.machine = job.make_runnable(states)
    return start_run.start_run(job.service, "report", RunRequest(payload={}))


def test_a_run_says_which_caller_started_it(job):
    job.make_runnable(ENDLESS)
    caller = Caller("arn:aws:sts::1:assumed-role/\x1b" + 300 * "x", via="cli", role=Role.ADMIN)
    service = replace(job.service, caller=lambda: caller)

    started = start_run.start_run(service, "report", RunRequest(payload={"n": 1}))

    execution = CLIENTS.stepfunctions.describe_execution(executionArn=started.execution.arn)
    given = json.loads(execution["input"])
    assert given["n"] == 1
    assert given["_run"]["by"] == (r"arn:aws:sts::1:assumed-role/\x1b" + 300 * "x")[:200]


@pytest.mark.parametrize("payload", [[], "text", 1, {"_run": {}}], ids=str)
def test_what_cannot_be_a_payload(payload):
    with pytest.raises(PermanentError):
        start_run.check_payload(payload)


class TestRunState:
    def test_a_run_without_a_row_is_running(self, job):
        started = start(job, ENDLESS)

        state = runs.run_state(job.service, "report", started.execution)

        assert (state.status, state.done) == (RunStatus.RUNNING, False)

    def test_a_waiting_run_is_queued_although_its_execution_has_ended(self, job):
        started = start(job, FAILING)
        put_run("report", started.name, "QUEUED", started_at=started.execution.started_at)

        state = runs.run_state(job.service, "report", started.execution)

        assert (state.status, state.done) == (RunStatus.QUEUED, False)

    def test_a_row_has_some_seconds_to_say_the_end(self, job):
        started = start(job, FAILING)
        wait_until(lambda: job.service.executions.ended("report", started.execution.arn), "the end")
        service = replace(job.service, clock=lambda: clock)
        state, seen = None, []

        for seconds in (0, 5, 14, 16):
            clock = datetime.now(UTC) + timedelta(seconds=seconds)
            state = runs.run_state(service, "report", started.execution, state)
            seen.append((state.status, state.done))

        assert seen == [(RunStatus.RUNNING, False)] * 3 + [(RunStatus.FAILED, True)]
        assert runs.reason(state.row).startswith("ValueError: not valid")

    def test_the_row_decides(self, job):
        started = start(job, FAILING)
        at = started.execution.started_at
        put_run("report", started.name, "TIMED_OUT", started_at=at, exit_code=7)

        state = runs.run_state(job.service, "report", started.execution)

        assert (state.status, state.done) == (RunStatus.TIMED_OUT, True)
        assert state.row["exit_code"] == 7


class TestBackfill:
    def test_the_caller_decides_how_long_to_wait_for_a_run(self, job):
        machine = job.make_runnable(ENDLESS)
        planned = backfill.plan(job.service, "report", *WEEK, "queue_all")
        steps = backfill.start(job.service, planned)
        first, second, *_ = planned.runs

        assert next(steps) == RunStarted(first, is_new=True)
        assert [next(steps), next(steps)] == [NotAdmitted(first)] * 2
        (begun,) = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
        put_run("report", first.name, "QUEUED", started_at=begun["startDate"])
        assert next(steps) == RunStarted(second, is_new=True)

    def test_the_future_is_the_services_not_the_machines(self, job):
        service = replace(job.service, clock=lambda: NOW - timedelta(days=40))

        with pytest.raises(InvalidRequestError, match="in the future"):
            backfill.plan(service, "report", *WEEK, "queue_all")
