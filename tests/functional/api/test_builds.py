"""Builds over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.stacks.model import BuildStatus
from tests.support.api import by_scopes
from tests.support.builds import FIRST, GIT_ROW, LAST, built

BUILDS = "/v1/jobs/report/builds"


@pytest.fixture
def here(here):
    built(here)
    return here


def test_the_last_builds_are_listed_and_shown(api):
    listed = api("GET", BUILDS).json["builds"]

    assert [(each["id"], each["status"], each["seconds"]) for each in listed] == [
        (LAST, "FAILED", 12),
        (FIRST, "SUCCEEDED", 12),
    ]
    assert api("GET", f"{BUILDS}/{LAST}").json == listed[0]
    assert listed[0]["reason"] == "BUILD: no such file"


def test_builds_come_in_pages_that_new_ones_do_not_move(api, here):
    first = api("GET", BUILDS, query="limit=1").json
    record = here.service.record("report")
    waiting = replace(record.build, id=None, status=BuildStatus.WAITING)
    here.save(build=waiting, former_builds=(record.build, *record.former_builds))
    second = api("GET", BUILDS, query=f"limit=1&cursor={first['next']}").json
    here.save(build=waiting, former_builds=(record.build,))
    third = api("GET", BUILDS, query=f"limit=1&cursor={first['next']}").json

    assert [each["id"] for each in first["builds"]] == [LAST]
    assert [each["id"] for each in second["builds"]] == [FIRST]
    assert second["next"] is None
    assert third == {"builds": [], "next": None}, "it is no longer kept"


def test_a_log_is_read_page_by_page(api):
    path = f"{BUILDS}/{LAST}/log"
    first = api("GET", path, query="order=oldest&limit=2").json
    then = api("GET", path, query=f"order=oldest&limit=2&cursor={first['newer']}").json

    assert [each["message"] for each in first["events"] + then["events"]] == ["one", "two", "three"]
    assert first["older"] is None
    assert api("GET", path, query="limit=1").json["events"][0]["message"] == "three"


def test_a_build_that_has_printed_nothing_has_an_empty_log(api):
    found = api("GET", f"{BUILDS}/{FIRST}/log").json

    assert found == {"events": [], "older": None, "newer": None}


@pytest.mark.parametrize(
    "path",
    [f"{BUILDS}/{'0' * 36}", f"{BUILDS}/{'0' * 36}/log", f"{BUILDS}/0f9d", "/v1/jobs/other/builds"],
)
def test_what_there_is_not(api, path):
    assert api("GET", path).slug == "not-found"


def test_a_build_is_started_again_and_that_is_in_the_audit(api, here):
    assert api("POST", BUILDS, query="dry_run=true").status == 202
    assert here.queued() == []

    assert api("POST", BUILDS).status == 202

    [message] = here.queued()
    assert (message["job_name"], message["retry"]) == ("report", True)
    [entry] = api("GET", "/v1/jobs/report/audit").json["entries"]
    assert (entry["action"], entry["outcome"]) == ("start_build", "done")


def test_a_commit_is_named_in_the_row_and_that_is_in_the_audit(api, here):
    here.jobs.put(GIT_ROW)
    assert api("POST", BUILDS, query=f"commit={'b' * 40}&dry_run=true").status == 202
    assert here.row() == GIT_ROW

    assert api("POST", BUILDS, query=f"commit={'b' * 40}").status == 202

    assert here.row()["build"]["source"]["commit"] == "b" * 40
    entry = api("GET", "/v1/jobs/report/audit").json["entries"][0]
    assert (entry["action"], entry["detail"]) == ("start_build", f"commit {'b' * 40}")


@pytest.mark.parametrize(("commit", "status"), [("main", 400), ("g" * 40, 422), ("%0a" * 40, 422)])
def test_what_is_not_a_commit_changes_nothing(api, here, commit, status):
    here.jobs.put(GIT_ROW)

    assert api("POST", BUILDS, query=f"commit={commit}").status == status
    assert here.row() == GIT_ROW


def test_only_writers_start_builds(api):
    client = replace(api, authorizer=by_scopes("jobs/operate"))

    assert client("POST", BUILDS).status == 403
    assert client("GET", BUILDS).status == 200


def test_a_job_without_a_build_in_its_row_is_not_built(api, here):
    here.jobs.put({**here.row(), "build": None, "bundle": "s3://jobs-bundles/report.zip"})

    assert api("POST", BUILDS).status == 409
