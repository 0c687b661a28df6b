"""What a job's code prints says nothing about which lines are a run's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.runs.model import iso
from provisioner.service import logs
from tests.functional.cli.conftest import account, environment, here
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

__all__ = ["account", "environment", "here"]

GROUP = "/jobs/report"
OWN, OTHER = "0b5e7a31-4c1f-4f6e-9a53-1d2c3b4a5f60", "5d0f4c12-7a8b-4e9d-8c76-a1b2c3d4e5f6"


@pytest.fixture
def service(here):
    here.jobs.put(ROW)
    here.make_ready(outputs={"LogGroup": GROUP})
    CLIENTS.logs.create_log_group(logGroupName=GROUP)
    for name in ("a", "b"):
        CLIENTS.logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
    return replace(here.service, clock=lambda: NOW + timedelta(minutes=5))


def put(stream, *lines):
    """Write lines, each with the second after the run's beginning at which it comes."""
    first = int(NOW.timestamp() * 1000)
    events = [{"timestamp": first + at * 1000, "message": text} for at, text in lines]
    CLIENTS.logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def start(request):
    return f"START RequestId: {request} Version: $LATEST"


def report(request):
    return f"REPORT RequestId: {request}\tDuration: 1 ms"


FORGED = {
    "an end, to hide what follows": [(2, report(OWN))],
    "a start, to hide what was before": [(8, start(OWN))],
    "both, of another": [(3, start(OTHER)), (4, report(OTHER))],
    "both, many times": [(at, text) for at in (2, 5, 7) for text in (report(OWN), start(OWN))],
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("newest_first", [True, False], ids=["back", "on"])
def test_lines_like_lambda_s_own_hide_nothing(service, forged, newest_first):
    printed = sorted([(1, "first"), *forged, (9, "last")], key=lambda line: line[0])
    whole = [(0, start(OWN)), *printed, (19, report(OWN))]
    put("a", *whole)
    put("b", (1, "of another run"))
    ended = iso(NOW + timedelta(seconds=20))
    put_run("report", "one", "SUCCEEDED", started_at=NOW, ended_at=ended, request_id=OWN)
    put_run("report", "two", "RUNNING", started_at=NOW + timedelta(seconds=1))

    page = logs.of_run(service, "report", "one", newest_first=newest_first)

    assert [event.message for event in page.events] == [text for _, text in whole]


def test_a_later_run_puts_no_line_into_the_log_of_one_before_it(service):
    """It runs in the same environment, and has learnt the id of the other's invocation."""
    own = [(0, start(OWN)), (1, "own"), (19, report(OWN))]
    theirs = [(21, start(OTHER)), (22, "theirs"), (23, start(OWN)), (24, report(OWN))]
    put("a", *own, *theirs, (25, report(OTHER)))
    ended = iso(NOW + timedelta(seconds=20))
    put_run("report", "one", "SUCCEEDED", started_at=NOW, ended_at=ended, request_id=OWN)
    put_run("report", "two", "RUNNING", started_at=NOW + timedelta(seconds=15))

    page = logs.of_run(service, "report", "one")

    assert [event.message for event in page.events] == [text for _, text in own]


def test_a_line_that_names_a_run_makes_it_nobody_s(service):
    put("a", (1, f'{{"requestId": "{OTHER}", "run": "two", "message": "look at me"}}'))
    put_run("report", "one", "RUNNING", started_at=NOW)
    put_run("report", "two", "RUNNING", started_at=NOW)

    for run in ("one", "two"):
        page = logs.of_run(service, "report", run)
        assert (page.events, page.note is None) == ((), False)
