"""Rows over HTTP: ETags, preconditions, patches, plans."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.api import by_scopes
from tests.support.rows import ROW

SECRET = "hunter2"
STORED = ROW | {"memory_mb": 256, "environment": {"TOKEN": SECRET}}
PATH = "/v1/rows/report"


@pytest.fixture
def row(api, here):
    here.jobs.put(STORED)
    return api


def etag(client):
    return client("GET", PATH).headers["ETag"]


def test_a_row_goes_there_and_back(row, here):
    read = row("GET", PATH)

    assert read.json == STORED
    assert row("PUT", PATH, read.json, if_match=read.headers["ETag"]).status == 200
    assert here.row() == STORED
    assert row("GET", PATH, if_none_match=read.headers["ETag"]).status == 304


@pytest.mark.parametrize("number", ["12345678901234567890", "0.1000000000000000055", "1.50"])
def test_a_number_of_a_row_keeps_its_digits(row, here, number):
    stored = STORED | {"environment": {"LIMIT": Decimal(number)}}
    here.jobs.put(stored)

    read = row("GET", PATH)
    again = row("PUT", PATH, raw=read.text, if_match=read.headers["ETag"])

    assert f'"LIMIT":{Decimal(number).normalize():f}' in read.text
    assert (again.status, here.row()) == (200, stored)


@pytest.mark.parametrize("form", ["{}", "W/{}", '"1", {}', "*"])
def test_a_reader_who_has_it_gets_nothing(row, form):
    assert row("GET", PATH, if_none_match=form.format(etag(row))).status == 304


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ('"0123456789abcdef0123456789abcdef", {}', 200),
        ("{},{}", 200),
        ('{}, W/"1", text', 200),
        ("W/{}", 412),
    ],
    ids=["another one too", "twice", "what is no row's too", "a weak one"],
)
def test_one_of_several_etags_is_enough(row, form, status):
    seen = etag(row)

    assert row("PUT", PATH, STORED, if_match=form.format(seen, seen)).status == status


def test_an_etag_is_sent_as_it_was_given(row):
    bare = etag(row).strip('"')

    reply = row("PUT", PATH, STORED, if_match=bare)

    assert (reply.slug, "in quotes" in reply.json["detail"]) == ("stale", True)


def test_a_new_row_is_created_once(api, here):
    body = {name: value for name, value in ROW.items() if name != "job_name"}

    created = api("PUT", PATH, body, if_none_match="*")
    again = api("PUT", PATH, body, if_none_match="*")
    tried = api("PUT", PATH, body, query="dry_run=true", if_none_match="*")

    assert again.slug == tried.slug == "stale"
    assert (created.status, created.json) == (201, ROW)
    assert created.headers["ETag"] == etag(api)
    assert here.row() == ROW


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ({}, "precondition-required"),
        ({"if_match": '"0123456789abcdef0123456789abcdef"'}, "stale"),
        ({"if_match": 'W/"1"'}, "stale"),
        ({"if_match": "1"}, "stale"),
        ({"if_match": '"0123456789abcdef0123456789abcdef", "1"'}, "stale"),
    ],
    ids=str,
)
def test_no_write_without_what_was_seen(row, here, method, headers, slug):
    for query in ("", "dry_run=true"):
        reply = row(method, PATH, None if method == "DELETE" else STORED, query=query, **headers)
        assert reply.slug == slug
    assert here.row() == STORED


def test_a_colleagues_change_is_not_lost(row, here):
    seen = etag(row)
    here.jobs.put(STORED | {"description": "mine"})

    assert row("PUT", PATH, STORED, if_match=seen).status == 412
    assert here.row()["description"] == "mine"


def test_a_patch_changes_what_it_names(row, here):
    patch = {"memory_mb": None, "description": "d", "environment": {"MORE": "1"}}

    kind = "application/merge-patch+json"
    reply = row("PATCH", PATH, patch, if_match=etag(row), content_type=kind)

    assert reply.json == here.row()
    assert here.row() == ROW | {"description": "d", "environment": {"TOKEN": SECRET, "MORE": "1"}}


def test_problems_point_into_the_row(row, here):
    wrong = STORED | {"memmory_mb": 1, "environment": {"A-B": "x"}, "timeout_seconds": 0.5}

    reply = row("PUT", PATH, wrong, if_match="*")

    assert (reply.status, reply.slug) == (422, "invalid-row")
    found = {each["pointer"]: each for each in reply.json["errors"]}
    assert {"/memmory_mb", "/environment/A-B", "/timeout_seconds"} <= found.keys()
    assert found["/memmory_mb"]["did_you_mean"] == "memory_mb"
    assert row("POST", f"{PATH}/validate", wrong).json["valid"] is False
    assert row("POST", f"{PATH}/validate", STORED).json == {"valid": True, "problems": []}
    assert here.row() == STORED


def test_a_name_in_the_body_is_that_of_the_path(row):
    reply = row("PUT", PATH, STORED | {"job_name": "other"}, if_match="*")

    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/job_name")


def test_a_plan_says_what_changes_and_writes_nothing(row, here):
    changed = STORED | {"memory_mb": 512}

    for reply in (
        row("POST", f"{PATH}/plan", changed),
        row("PUT", PATH, changed, if_match="*", query="dry_run=true"),
        row("PATCH", PATH, {"memory_mb": 512}, if_match=etag(row), query="dry_run=true"),
    ):
        assert reply.json["outcome"] == "updated"
        assert reply.json["changes"] == [{"name": "memory_mb", "before": 256, "after": 512}]
        assert f'"{reply.json["etag"]}"' == etag(row)
    assert row("DELETE", PATH, if_match="*", query="dry_run=true").json["dry_run"] is True
    assert here.row() == STORED


def test_a_row_is_removed(row, here):
    reply = row("DELETE", PATH, if_match=etag(row))

    assert (reply.status, reply.headers["Location"]) == (202, "/v1/jobs/report")
    assert here.row() == {}
    assert row("DELETE", PATH, if_match="*").status == 404


@pytest.mark.parametrize("role", ["read", "operate"])
def test_who_may_not_write_sees_no_environment_value(row, here, role):
    client = replace(row, authorizer=by_scopes(f"jobs/{role}"))
    here.make_ready()

    seen = client("GET", "/v1/jobs/report")

    assert seen.json["row"]["environment"] == {"TOKEN": None}
    for method, path in (("GET", PATH), ("POST", f"{PATH}/plan"), ("PUT", PATH), ("PATCH", PATH)):
        assert client(method, path, {}).status == 403
    for path in ("/v1/jobs", "/v1/jobs/report/stack", "/v1/jobs/report"):
        assert SECRET not in client("GET", path).text


def test_the_etag_that_readers_get_says_nothing_of_what_they_do_not_see(row, here):
    before = row("GET", "/v1/jobs/report").headers["ETag"]
    here.jobs.put(STORED | {"environment": {"TOKEN": "another"}})

    assert row("GET", "/v1/jobs/report").headers["ETag"] == before
    assert row("GET", "/v1/jobs/report", if_none_match=before).status == 304


def test_nobody_sees_a_secret(row, here):
    here.jobs.put(STORED | {"secrets": {"KEY": "plain"}})

    assert row("GET", PATH).json["secrets"] == {"KEY": None}
    plan = row("POST", f"{PATH}/plan", STORED).json
    assert {"name": "secrets", "before": {"KEY": None}, "after": None} in plan["changes"]
