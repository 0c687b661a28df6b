"""Runs of all jobs with a status, however many others there are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioner.aws.run_reader import SEARCHED_MEGABYTES
from provisioner.runs.listing import RunsWanted
from provisioner.runs.model import RunStatus
from provisioner.service.all_runs import newest
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS, heard

LARGE = "x" * 300_000


def test_a_run_behind_a_megabyte_of_others_is_found(here):
    put_run("report", "ok", "SUCCEEDED", started_at=NOW - timedelta(minutes=1))
    for number in range(8):
        put_run("report", f"bad-{number}", "FAILED", cause=LARGE)

    since = NOW - timedelta(hours=1)
    [found] = newest(here.service, 5, RunsWanted(since=since, status=RunStatus.SUCCEEDED))

    assert found["trigger_id"].endswith("#ok")


@pytest.mark.parametrize("newest_first", [True, False])
def test_large_inputs_of_runs_that_wait_cost_no_more_than_some_requests(here, newest_first):
    for number in range(20):
        at = NOW + timedelta(seconds=number)
        put_run("report", f"r{number}", "QUEUED", started_at=at, input=LARGE)
    asked = []

    query = "provide-client-params.dynamodb.Query"
    with heard(CLIENTS.dynamodb, query, lambda params, **_: asked.append(params)):
        found = here.triggers.open_runs(RunStatus.QUEUED, 1000, newest_first=newest_first)

    names = [run["trigger_id"].partition("#")[2] for run in found.runs]
    expected = [f"r{number}" for number in range(20)]
    assert names == (expected[::-1] if newest_first else expected)[: len(names)]
    assert (len(asked), found.complete) == (SEARCHED_MEGABYTES, False)
    assert 0 < len(names) < 20


@pytest.mark.parametrize(("count", "is_all"), [(2, False), (3, True), (4, True)])
def test_all_open_runs_or_the_first_ones(here, count, is_all):
    for number in range(3):
        put_run("report", f"r{number}", "RUNNING", started_at=NOW + timedelta(seconds=number))

    found = here.triggers.open_runs(RunStatus.RUNNING, count)

    assert (len(found.runs), found.complete) == (min(count, 3), is_all)
