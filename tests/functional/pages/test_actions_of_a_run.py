"""What a run's page says of who started it, stopped it and ran it again."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from provisioner.audit.entries import Entry, Outcome, new_id, repeats
from provisioner.runs.model import iso
from tests.support.cli import put_run
from tests.support.console_world import NOW, text_of
from tests.support.rows import ROW

ADA, BOB = "arn:aws:iam::123456789012:user/ada", "arn:aws:iam::123456789012:user/bob"
BEGAN = NOW - timedelta(minutes=9)
AT = f"/jobs/report/runs/one?at={iso(BEGAN)}"


@pytest.fixture
def run(empty):
    """Return a function that writes an entry about a run that ada started and bob stopped."""
    empty.provisioner.jobs.put(ROW)
    put_run(
        "report",
        "one",
        "STOPPED",
        started_at=BEGAN,
        ended_at=iso(NOW),
        source="manual",
        started_by=ADA,
        stopped_by=BOB,
        stop_reason="wrong day",
    )

    def write(action, by, *, proven=True, run="one", minutes=9.0, **more):
        entry_id = new_id(NOW - timedelta(minutes=minutes), "12345678")
        about = {"job_name": "report", "run": run, "outcome": Outcome.DONE}
        via = "api" if proven else "cli"
        entry = Entry(entry_id, action, by, via, proven, **{**about, **more})
        empty.service(None).audit.write(entry)

    return write


def facts(world, address=AT):
    page = text_of(world, address)
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)
    return {name: words(value) for name, value in pairs}


def rows(world):
    panel = text_of(world, AT).partition("<h2>Actions")[2].partition("</section>")[0]
    return [words(each) for each in re.findall(r"<tr>(.*?)</tr>", panel, re.DOTALL)][1:]


def words(text):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.mark.usefixtures("run")
def test_what_only_the_row_says_is_said(empty):
    assert facts(empty)["By"] == f"manual says {ADA}"
    assert facts(empty)["Stopped by"] == f"says {BOB} wrong day"
    assert "None is recorded" in text_of(empty, AT)


def test_what_the_audit_proves_is_proven(empty, run):
    run("start_run", ADA, minutes=9.1)
    run("stop_run", BOB, minutes=1, detail="wrong day")

    assert facts(empty)["By"] == f"manual {ADA} proven"
    assert facts(empty)["Stopped by"] == f"{BOB} proven wrong day"
    started, stopped = rows(empty)
    assert f"{ADA} proven api start run done" in started
    assert "stop run wrong day done" in stopped


@pytest.mark.parametrize(
    ("by", "more"),
    [
        (BOB, {"proven": False}),
        (BOB, {"outcome": Outcome.REFUSED}),
        (BOB, {"run": "other"}),
        (ADA, {}),  # who pressed Stop as well, but too late
    ],
)
def test_nothing_else_proves_who_stopped_it(empty, run, by, more):
    run("stop_run", by, **more)

    assert facts(empty)["Stopped by"].startswith("says ")


def test_a_claim_is_listed_as_one(empty, run):
    run("stop_run", BOB, proven=False)

    [claim] = rows(empty)
    assert f"says {BOB} cli" in claim
    assert "proven" not in claim


def test_who_ran_it_again_however_long_after(empty, run):
    run("start_run", BOB, run="two", minutes=2, detail=repeats("one"))
    run("start_run", BOB, run="three", minutes=1, detail=f"{repeats('one')}; overrides cpu")
    run("start_run", BOB, run="four", minutes=1.5, detail=repeats("one-more"))

    assert [each.count("ran it again") for each in rows(empty)] == [1, 1]
    page = html.unescape(text_of(empty, AT))
    assert re.findall(r'href="/jobs/report/runs/(\w+)" title="\1"', page) == ["two", "three"]


def test_an_address_without_the_beginning_leads_to_the_one_with_it(empty, run):
    run("start_run", ADA)
    empty.provisioner.make_runnable({"Type": "Succeed"})
    answer = empty.get("/jobs/report/runs/one")

    assert answer.status == 303
    assert facts(empty, answer.headers["Location"])["By"] == f"manual {ADA} proven"
    assert empty.get("/jobs/report/runs/one", hx_request="true").status == 200
