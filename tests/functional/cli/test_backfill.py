"""`provisioner backfill` over moto."""

from __future__ import annotations

import json

import pytest

from provisioner.aws.clients import client
from tests.support.cli import ROW

DONE = {"Type": "Succeed"}
DAILY = ROW | {"schedule": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin"}
WEEK = ("--from", "2026-10-22", "--to", "2026-10-29")


@pytest.fixture
def job(here):
    here.jobs.put(DAILY)
    here.machine = here.make_runnable(DONE)
    return here


def inputs(job):
    states = client("stepfunctions")
    executions = states.list_executions(stateMachineArn=job.machine)["executions"]
    found = {}
    for execution in executions:
        text = states.describe_execution(executionArn=execution["executionArn"])["input"]
        found[execution["name"]] = json.loads(text)["_run"]
    return found


def test_one_run_for_each_tick_in_order(job):
    result = job.run("backfill", "report", *WEEK)

    assert result.exit_code == 0, result.stderr
    assert "7 of 7 runs were started" in result.stderr
    told = inputs(job)
    # The clocks go back on the 25th.
    assert sorted(run["scheduled_for"] for run in told.values()) == [
        *(f"2026-10-{day}T04:00:00Z" for day in (22, 23, 24)),
        *(f"2026-10-{day}T05:00:00Z" for day in (25, 26, 27, 28)),
    ]
    assert {run["source"] for run in told.values()} == {"backfill"}
    assert {run["overlap"] for run in told.values()} == {"queue_all"}
    assert all(run["by"].startswith("arn:aws:sts:") for run in told.values())
    shown = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert shown == sorted(shown)


def test_the_same_again_starts_nothing_twice(job):
    job.run("backfill", "report", *WEEK)
    spelled = ("--from", "2026-10-21T22:00:00Z", "--to", "2026-10-29T00:00")

    result = job.run("backfill", "report", *spelled)

    assert "0 of 7 runs were started" in result.stderr
    assert "was started before" in result.stdout
    assert len(inputs(job)) == 7


def test_another_backfill_of_the_same_time_is_another(job):
    job.run("backfill", "report", *WEEK)
    result = job.run("backfill", "report", *WEEK, "--overlap", "allow")
    assert "7 of 7 runs were started" in result.stderr
    assert len(inputs(job)) == 14


def test_a_dry_run_starts_nothing(job):
    result = job.run("backfill", "report", *WEEK, "--dry-run")
    assert "Thu 2026-10-22 06:00 +02:00" in result.stdout
    assert "0 of 7" in result.stderr
    assert inputs(job) == {}


def test_a_time_without_ticks(job):
    result = job.run("backfill", "report", "--from", "2026-10-22T07:00", "--to", "2026-10-22T08:00")
    assert result.exit_code == 0
    assert "0 of 0" in result.stderr


def test_all_schedules_of_a_row_take_part(job):
    job.jobs.put(DAILY | {"schedule": ["cron(0 6 * * ? *)", "cron(0 18 * * ? *)"]})
    job.run("backfill", "report", "--from", "2026-11-01", "--to", "2026-11-02")
    assert len(inputs(job)) == 2


WRONG = {
    "the wrong way round": (("2026-10-29", "2026-10-22"), 2, "must be after"),
    "not over yet": (("2026-10-22", "2199-01-01"), 2, "lies ahead"),
    "no time": (("yesterday", "2026-10-22"), 2, "yesterday"),
    "too many": (("2000-01-01", "2026-01-01"), 2, "more than 1000 ticks"),
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
