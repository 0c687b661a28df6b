"""Deployments over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.api import by_scopes
from tests.support.deployments import pushed_twice, write
from tests.support.rows import ROW

JOB = "/v1/jobs/report"
ANOTHER = f'"{"0" * 32}"'


@pytest.fixture
def pushed(here):
    """Return the versions of two deployments of the same row."""
    return pushed_twice(here, ROW | {"environment": {"LEVEL": "hunter2"}})


def test_deployments_are_listed(api, pushed):
    answer = api("GET", f"{JOB}/deployments")

    second, first = answer.json["deployments"]
    assert (second["number"], second["cause"], second["current"]) == (2, "push", True)
    assert (first["number"], first["cause"], first["row_version"]) == (1, "row", 1)
    assert [each["artifact"].rpartition("=")[2] for each in (first, second)] == pushed
    assert "hunter2" not in answer.text
    assert (second["canary"], api("GET", JOB).json["canary"]) == (None, None)


@pytest.mark.usefixtures("pushed")
def test_a_canary_is_with_its_job_and_its_deployment(api, here):
    write(here, here.row() | {"deploy": {"canary": True}})

    found = api("GET", JOB).json["canary"]

    assert (found["deployment"], found["state"], found["rolls_back_to"]) == (2, "running", 1)
    second, first = api("GET", f"{JOB}/deployments").json["deployments"]
    assert (second["canary"], first["canary"]) == (found, None)


def test_a_job_is_rolled_back_over_the_row_that_was_seen(api, here, pushed):
    path, etag = f"{JOB}/rollback", api("GET", "/v1/rows/report").headers["ETag"]

    assert api("POST", path, {}).slug == "precondition-required"
    assert api("POST", path, {}, if_match=ANOTHER).slug == "stale"
    tried = api("POST", path, {"to": 1}, query="dry_run=true", if_match=etag)
    assert [each["name"] for each in tried.json["changes"]] == ["pin"]
    assert "pin" not in here.row()

    done = api("POST", path, {}, if_match=etag)

    assert (done.status, done.json["pin"]["version"]) == (200, pushed[0])
    assert done.headers["ETag"] != etag
    (entry,) = api("GET", f"{JOB}/audit").json["entries"]
    assert (entry["action"], entry["detail"], entry["outcome"]) == (
        "roll_back",
        "deployment 1",
        "done",
    )
    assert entry["proven"]


def test_a_job_is_unpinned_over_the_row_that_was_seen(api, here, pushed):
    write(here, ROW | {"pin": {"version": pushed[0]}})

    assert api("POST", f"{JOB}/unpin", if_match=ANOTHER).slug == "stale"
    tried = api("POST", f"{JOB}/unpin", query="dry_run=true", if_match="*")
    assert [each["name"] for each in tried.json["changes"]] == ["pin"]
    assert api("POST", f"{JOB}/unpin", if_match="*").json == ROW
    assert api("POST", f"{JOB}/unpin", if_match="*").json == ROW
    assert here.row() == ROW


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize(
    ("path", "body", "status", "slug"),
    [
        (f"{JOB}/rollback", {"to": 9}, 404, "not-found"),
        (f"{JOB}/rollback", {"to": 2}, 409, "conflict"),
        (f"{JOB}/rollback", {"to": 0}, 422, "invalid-body"),
        (f"{JOB}/rollback", {"to": "1; DROP"}, 422, "invalid-body"),
        ("/v1/jobs/other/rollback", {}, 404, "not-found"),
        ("/v1/jobs/other/unpin", None, 404, "not-found"),
    ],
    ids=str,
)
def test_what_cannot_be(api, here, path, body, status, slug):
    before = here.row()
    answer = api("POST", path, body, if_match="*")

    assert (answer.status, answer.slug) == (status, slug)
    assert here.row() == before


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize("role", ["read", "operate"])
def test_only_writers_roll_back(api, here, role):
    client = replace(api, authorizer=by_scopes(f"jobs/{role}"))

    assert client("POST", f"{JOB}/rollback", {}, if_match="*").status == 403
    assert client("POST", f"{JOB}/unpin", if_match="*").status == 403
    assert client("GET", f"{JOB}/deployments").status == 200
    assert "pin" not in here.row()
