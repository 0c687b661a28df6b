"""Builds in the console."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from provisioner.console.routes import ROUTES
from provisioner.service.caller import Role
from provisioner.stacks.builds import BuildStatus
from tests.support.builds import FIRST, GIT_ROW, LAST, built


@pytest.fixture
def browser(here, browser):
    built(here)
    browser.app = replace(browser.app, routes=ROUTES)
    return browser


def test_the_page_of_a_job_has_its_builds(browser):
    page = browser.get("/jobs/report")

    assert LAST[:8] in page.text
    assert FIRST[:8] in page.text
    assert "BUILD: no such file" in page.text
    assert LAST in page.html


def test_a_build_shows_what_it_printed_and_why_it_failed(browser):
    page = browser.get(f"/jobs/report/builds/{LAST}")

    assert "one" in page.text
    assert "three" in page.text
    assert "BUILD: no such file" in page.text
    assert f"provisioner builds report {LAST} --log" in page.text


def test_a_line_of_a_build_has_a_page_around_it(browser):
    address = f"/jobs/report/builds/{LAST}"
    anchors = re.findall(r'<li id="(L[\d.]+)"', browser.get(address).html)

    for anchor in anchors:
        page = browser.get(f"{address}?line={anchor}")
        assert re.findall(r'<li id="(L[\d.]+)"', page.html) == anchors
    assert browser.get(f"{address}?line=x").status == 400


def test_a_build_that_has_printed_nothing_yet_is_followed(here, browser):
    build = here.record("report").build
    running = replace(build, status=BuildStatus.RUNNING, ended_at=None, id="jobs:none")
    here.save("report", build=running)

    assert "data-refreshes" in browser.get("/jobs/report/builds/none").html


def test_what_there_is_not(browser):
    assert browser.get("/jobs/report/builds/none").status == 404


def test_a_failed_build_is_started_again_by_writers(here, browser):
    page = browser.get("/jobs/report/build")
    assert "The newest source is built again" in page.text

    browser.press(page)

    assert [(each["job_name"], each["retry"]) for each in here.queued()] == [("report", True)]
    browser.role = Role.OPERATE
    assert "Build again" not in browser.get("/jobs/report").text
    assert browser.get("/jobs/report/build").status == 403


def test_another_commit_is_built_by_naming_it(here, browser):
    assert "Build a commit" not in browser.get("/jobs/report").text
    assert browser.get("/jobs/report/build-commit").status == 409
    here.jobs.put(GIT_ROW)
    assert "Build a commit" in browser.get("/jobs/report").text

    page = browser.get("/jobs/report/build-commit")
    page.form.set(commit="main")
    wrong = browser.press(page)
    assert (wrong.status, wrong.form["commit"]) == (422, "main")
    assert here.row() == GIT_ROW

    page.form.set(commit="b" * 40)
    assert browser.press(page).status == 303
    assert here.row()["build"]["source"]["commit"] == "b" * 40
    browser.role = Role.OPERATE
    assert "Build a commit" not in browser.get("/jobs/report").text
    assert browser.get("/jobs/report/build-commit").status == 403
