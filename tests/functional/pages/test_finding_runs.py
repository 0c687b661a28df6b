"""A run is found by its id in the palette and in the search for jobs."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from provisioner.runs.model import iso
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import NOW, text_of
from tests.support.rows import ROW

NAMED = "manual-20261120T081500Z-1f0c3a52"
BEGAN = NOW.replace(day=20, hour=8, minute=15, second=3)
HASHED = "queue-0123456789abcdef0123456789abcdef"
SCHEDULED = "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f_71be0d52-7a4e-4a53"
ARN = f"arn:aws:states:eu-west-1:123456789012:execution:jobs-report:{NAMED}"
TEXTS = {
    "an id with the time in it": NAMED,
    "a key": f"{iso(BEGAN)}#{NAMED}",
    "an ARN": ARN,
    "job and run": f"report/{NAMED}",
    "as an address": f"/jobs/report/runs/{NAMED}",
    "job and run with a space": f"report {NAMED}",
    "a submission": f"report.{NAMED}",
}


@pytest.fixture
def runs(empty):
    """Return a bootstrap with three runs of a job; one is older than those that lists show."""
    empty.provisioner.jobs.put(ROW)
    empty.provisioner.make_runnable({"Type": "Succeed"})
    put_run("report", NAMED, "SUCCEEDED", started_at=BEGAN, ended_at=iso(BEGAN))
    put_run("report", "manual-20261120T081500Z-99999999", "SUCCEEDED", started_at=BEGAN)
    for minutes, name in enumerate((HASHED, SCHEDULED), 1):
        at = NOW - timedelta(minutes=minutes)
        put_run("report", name, "FAILED", started_at=at, ended_at=iso(at))
    empty.provisioner.list_all()
    return empty


def found(world, text):
    return json.loads(world.get(f"/palette?q={quote(text)}").body)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_in_the_palette(runs, text):
    [link] = found(runs, text)

    assert link["name"] == f"report / {NAMED}"
    assert f'<h1 class="mono">{NAMED}</h1>' in text_of(runs, link["href"])


@pytest.mark.parametrize("text", [HASHED, HASHED[:14], SCHEDULED, SCHEDULED[:20]])
def test_an_id_that_tells_nothing_is_found_among_the_newest_runs(runs, text):
    [link] = found(runs, text)

    assert link["name"] in {f"report / {HASHED}", f"report / {SCHEDULED}"}
    assert runs.get(link["href"]).status == 200


def test_in_the_search_for_jobs(runs):
    page = html.unescape(text_of(runs, f"/jobs?prefix={NAMED}"))

    [address] = re.findall(r'may be the run <a class="mono" href="([^"]+)"', page)
    assert runs.get(address).status == 200
    assert "may be the run" not in text_of(runs, "/jobs?prefix=repo")
    assert "may be the run" not in text_of(runs, "/jobs?prefix=other")


@pytest.mark.parametrize(
    "text",
    ["manual-20261120T081500Z-00000000", "manual-20261399T996100Z-1f0c3a52", "queue-0000000000000",
     "2026-11-20T08:15:00.000Z#none", "arn:aws:states:eu-west-1:1:execution:other:x", "x/y/z", "/",
     "9999-12-31T23:59:59.999Z#x", "\ud7ff", "x" * 3_000],
)  # fmt: skip
def test_what_names_no_run(runs, text):
    assert found(runs, text) == []


def test_a_job_is_still_found_by_how_its_name_begins(runs):
    runs.provisioner.jobs.put(ROW | {"job_name": "manual-reports"})
    runs.provisioner.list_all()

    assert [each["name"] for each in found(runs, "manual-reports")] == ["manual-reports"]
    assert [each["name"] for each in found(runs, "rep")] == ["report"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_finding_takes_two_reads_at_most(runs, text):
    before = CLIENTS.reads("dynamodb")
    found(runs, text)

    assert CLIENTS.reads("dynamodb") - before <= 2
