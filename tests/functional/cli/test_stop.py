"""`provisioner stop` over moto."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS, heard
from tests.support.executions import put_running, start_execution, wait_for_status
from tests.support.rows import ROW

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}


@pytest.fixture
def job(here):
    here.jobs.put(ROW)
    return here


def start(job, name):
    """Start an execution that does not end, with its RUNNING row; return its ARN."""
    machine = job.make_runnable(ENDLESS)
    arn = start_execution(machine, name)
    put_running("report", arn)
    return arn


@pytest.mark.parametrize("named", [True, False], ids=["named", "the-only-one"])
def test_the_running_run_is_stopped(job, named):
    arn = start(job, "one")

    result = job.run("stop", "report", *(["one"] if named else []), "--reason", "enough")

    assert result.exit_code == 0
    assert "one is being stopped" in result.stderr
    wait_for_status(arn, "ABORTED")
    (row,) = job.triggers.latest("report", 1)
    assert row["stop_reason"] == "enough"
    assert row["stopped_by"].startswith("arn:aws:sts:")


def test_a_run_with_a_name_is_found_however_many_others_there_are(job):
    asked = []
    start(job, "old")

    query = "provide-client-params.dynamodb.Query"
    with heard(CLIENTS.dynamodb, query, lambda params, **_: asked.append(params)):
        result = job.run("stop", "report", "old")

    assert "old is being stopped" in result.stderr
    between = "job_name = :job AND trigger_id BETWEEN :first AND :last"
    assert [each["KeyConditionExpression"] for each in asked] == [between]


def test_large_rows_of_later_runs_hide_none(job):
    put_run("report", "old", "QUEUED", execution_arn="arn:x")
    for number in range(1, 5):
        at = NOW + timedelta(minutes=number)
        put_run("report", f"r{number}", "SUCCEEDED", started_at=at, input="x" * 390_000)

    result = job.run("stop", "report")

    assert "old was waiting; it will not start" in result.stderr
    assert all("input" not in run for run in job.triggers.last("report", 10))


def test_a_waiting_run_does_not_start(job):
    put_run("report", "two", "QUEUED", execution_arn="arn:x")

    result = job.run("stop", "report", "two")

    assert "will not start" in result.stderr
    (row,) = job.triggers.latest("report", 1)
    assert (row["status"], row["cause"]) == ("STOPPED", "by hand")


def test_what_has_ended_is_said(job):
    put_run("report", "three", "FAILED", execution_arn="arn:x")

    result = job.run("stop", "report", "three")

    assert result.exit_code == 0
    assert "three has already ended: FAILED" in result.stderr


WRONG = {
    "no such job": (("nightly",), "nightly"),
    "no such run": (("report", "four"), 'no run "four"'),
    "nothing open": (("report",), "no run of report is running or waiting"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_stopped(job, arguments, words):
    put_run("report", "three", "FAILED", execution_arn="arn:x")

    result = job.run("stop", *arguments)

    assert result.exit_code == 1
    assert words in result.stderr


def test_several_open_runs_must_be_named(job):
    for name in ("five", "six"):
        put_run("report", name, "RUNNING", execution_arn="arn:x")

    result = job.run("stop", "report")

    assert result.exit_code == 1
    assert "2 runs are open; name one: six, five" in result.stderr
