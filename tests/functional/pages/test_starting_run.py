"""A run whose execution began a moment ago: its workflow has not written its row yet."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.console.http import Request
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import text_of
from tests.support.executions import start_execution
from tests.support.rows import ROW

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
RUNS = "/jobs/report/runs"


@pytest.fixture
def job(empty):
    empty.provisioner.jobs.put(ROW)
    empty.machine = empty.provisioner.make_runnable(ENDLESS)
    return empty


def send(world, address, **fields):
    path, _, query = address.partition("?")
    host = "localhost:4566"
    headers = {"host": host, "origin": f"http://{host}"}
    form = tuple({"view": "json", "raw": "{}", **fields}.items())
    pairs = dict(part.split("=") for part in query.split("&") if part)
    request = Request("POST", path, pairs, fields=form, headers=headers, source="127.0.0.1")
    answer = world.answer(request)
    assert answer.status == 303, answer.body
    return answer.headers["Location"]


def row_of(world, address, status, **attributes):
    """Write a run's row as its workflow does: with the time at which its execution began."""
    name = address.rpartition("/")[2]
    machine = world.machine.replace(":stateMachine:", ":execution:")
    began = CLIENTS.stepfunctions.describe_execution(executionArn=f"{machine}:{name}")["startDate"]
    put_run("report", name, status, started_at=began, **attributes)


def is_followed(page):
    return 'data-every="2"' in page and 'hx-trigger="refresh"' in page


@pytest.mark.parametrize("again", [False, True], ids=["run", "run again"])
def test_it_is_shown_as_starting_until_its_row_is_there(job, again):
    fields = {"do": "start"}
    if again:
        put_run("report", "one", "FAILED", input="{}")
        fields |= {"parent": "one"}
    address = send(job, "/jobs/report/run", **fields)

    page = text_of(job, address)
    assert ">starting</span>" in page
    assert is_followed(page)
    assert "Run again" not in page
    tag = re.search(r'hx-ptag="(\w+)"', page)[1]
    assert job.get(address, hx_request="true", hx_ptag=tag).status == 304

    row_of(job, address, "RUNNING")
    shown = job.get(address, hx_request="true", hx_ptag=tag)
    assert (shown.status, ">running</span>" in shown.body) == (200, True)


def test_its_log_is_followed(job):
    address = send(job, "/jobs/report/run", do="start")
    CLIENTS.logs.create_log_group(logGroupName="/jobs/report")
    log = re.search(r'href="([^"]+/log[^"]+)"', html.unescape(text_of(job, address)))[1]

    for each in (f"{address}/log", log):
        page = text_of(job, each)
        assert ">starting</span>" in page
        assert "data-refreshes" in page


def test_it_is_run_again_once_its_input_is_known(job):
    address = send(job, "/jobs/report/run", do="start")
    again = f"/jobs/report/run?again={address.rpartition('/')[2]}"

    refused = job.get(again)
    assert (refused.status, "is just starting" in refused.body) == (409, True)
    row_of(job, address, "RUNNING", input="{}")
    assert job.get(again).status == 200


def test_the_command_line_opens_it(job):
    job.provisioner.deploy("seen", {**job.service(None).outputs, "ConsoleUrl": "https://c/"})
    start_execution(job.machine, "one")

    opened = job.provisioner.run("open", "report", "one", "--stack", "seen")

    assert opened.stdout == f"https://c{RUNS}/one\n"


@pytest.mark.parametrize("query", ["", "?at=2026-01-01T00:00:00.000Z"])
@pytest.mark.parametrize("part", ["", "/log", "/items"])
def test_a_run_that_never_was_is_not_found(job, part, query):
    assert job.get(f"{RUNS}/none{part}{query}").status == 404


def test_one_that_ended_long_ago_and_no_longer_has_a_row_is_not_found(job):
    arn = start_execution(job.machine, "one")
    CLIENTS.stepfunctions.stop_execution(executionArn=arn)
    job.now = datetime.now(UTC)
    assert job.get(f"{RUNS}/one").status == 200  # its row may come yet

    job.now += timedelta(minutes=5)
    assert job.get(f"{RUNS}/one").status == 404


def test_the_second_execution_of_a_run_that_waited_is_not_a_run_of_its_own(job):
    waited = json.dumps({"_run": {"waited": "2026-11-26T09:00:00.000Z#one"}})
    start_execution(job.machine, "wait-1", input=waited)

    assert job.get(f"{RUNS}/wait-1").status == 404
