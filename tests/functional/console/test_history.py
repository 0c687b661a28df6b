"""Audit and versions in the console."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from provisioner.audit.entries import Entry, Outcome, new_id
from provisioner.audit.versions import Written
from provisioner.aws.row_versions import RowVersions
from provisioner.service.caller import Role
from tests.support.cli import NOW
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

FIRST = ROW | {"memory_mb": 128, "environment": {"TOKEN": "hush"}}
SECOND = FIRST | {"memory_mb": 512, "environment": {"TOKEN": "psst"}}


@pytest.fixture
def job(here):
    """Yield a job whose row has had three versions: made, changed, and as it is now."""
    versions = RowVersions(CLIENTS, "jobs-Audit", 400, lambda: NOW)
    rows = [None, FIRST, SECOND, FIRST | {"description": "now"}]
    for number, (before, after) in enumerate(pairwise(rows), 1):
        at = NOW + timedelta(minutes=number)
        versions.record(Written("report", str(100 + number), at, before, after))
    here.jobs.put(rows[-1])
    return here


@pytest.mark.usefixtures("job")
def test_versions_are_listed_with_what_they_changed(browser):
    page = browser.get("/jobs/report/versions")

    assert "memory_mb" in page.text
    assert page.text.count("Edit this version") == 3
    browser.role = Role.READ
    page = browser.get("/jobs/report/versions")
    assert "Edit this version" not in page.text


@pytest.mark.usefixtures("job")
def test_a_reader_sees_no_value_of_a_variable(browser):
    browser.role = Role.OPERATE
    page = browser.get("/jobs/report/versions/2")

    assert "512" in page.text
    assert "the values are hidden" in page.text
    assert "psst" not in page.html
    assert not [each for each in page.forms if each.method == "POST"]


def test_a_version_is_restored_over_the_row_that_was_seen(job, browser):
    page = browser.get("/jobs/report/versions/2")
    job.jobs.put(job.row() | {"description": "a colleague's"})
    assert browser.press(page).status == 412
    assert job.row()["description"] == "a colleague's"

    page = browser.get("/jobs/report/versions/2")
    assert browser.press(page).status == 303
    assert job.row() == SECOND


@pytest.mark.usefixtures("job")
def test_a_version_is_edited_with_its_plan(browser):
    page = browser.get("/jobs/report/edit?version=2")

    assert '"memory_mb": 512' in page.form["row"]
    assert "attributes change" in page.text


@pytest.mark.parametrize("version", ["99", "x", "1" * 40])
@pytest.mark.usefixtures("job")
def test_a_version_that_is_not_kept(browser, version):
    assert browser.get(f"/jobs/report/versions/{version}").status == 404


@pytest.mark.parametrize("path", ["/audit", "/jobs/report/audit"])
def test_the_audit_is_filtered_by_what_is_in_its_address(here, browser, path):
    names = {"ada": "start_run", "bob": "stop_run", "eve": "update_row"}
    for minutes, (name, action) in enumerate(names.items()):
        at = NOW - timedelta(minutes=minutes)
        outcome = Outcome.FAILED if name == "eve" else Outcome.DONE
        here.service.audit.write(
            Entry(new_id(at, name), action, name, "api", True, job_name="report", outcome=outcome)
        )

    def shown(query):
        table = browser.get(f"{path}?{query}").html.partition("<tbody>")[2]
        return {name for name in names if f">{name}<" in table}

    assert shown("") == set(names)
    assert shown("action=stop_run") == {"bob"}
    assert shown("by=d") == {"ada"}
    assert shown("outcome=failed") == {"eve"}
    middle = NOW - timedelta(seconds=90)
    assert shown(f"since={middle:%Y-%m-%dT%H:%M:%S}") == {"ada", "bob"}
    assert shown(f"until={middle:%Y-%m-%dT%H:%M:%S}Z&outcome=failed") == {"eve"}
    assert browser.get(f"{path}?action=stop_run&by=nobody").text.count("No entry matches") == 1
    for wrong in ("action=fly", "outcome=good", "since=yesterday"):
        assert browser.get(f"{path}?{wrong}").status == 400


@pytest.mark.usefixtures("job")
def test_what_was_done_is_in_the_audit_for_readers_too(browser):
    page = browser.get("/jobs/report/edit")
    row = page.form["row"].replace("now", "later")
    page.form.set(row=row)
    browser.press(page, "save")
    browser.role = Role.READ

    for address in ("/audit", "/jobs/report/audit"):
        page = browser.get(address)
        assert "says local operator" in page.text
        assert "description" in page.text
        assert "127.0.0.1" in page.text
