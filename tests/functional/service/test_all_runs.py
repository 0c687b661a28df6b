"""Runs of all jobs with a status, however many others there are."""

from __future__ import annotations

from datetime import timedelta

from provisioner.runs.model import RunStatus
from provisioner.service.all_runs import newest
from tests.support.cli import NOW, put_run

LARGE = "x" * 300_000


def test_a_run_behind_a_megabyte_of_others_is_found(here):
    put_run("report", "ok", "SUCCEEDED", started_at=NOW - timedelta(minutes=1))
    for number in range(8):
        put_run("report", f"bad-{number}", "FAILED", cause=LARGE)

    since = NOW - timedelta(hours=1)
    [found] = newest(here.service, 5, since=since, status=RunStatus.SUCCEEDED)

    assert found["trigger_id"].endswith("#ok")
