"""What holds of every request: problems, methods, media types, sizes, rights."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provisioner.api.problems import ProblemType
from provisioner.api.routes import ROUTES
from provisioner.errors import DeniedError
from provisioner.service import audit
from provisioner.service.caller import Role
from tests.support.api import Client, by_iam, by_scopes

EXAMPLES = {
    "job_name": "report",
    "run": "r-1",
    "problem": "stale",
    "item": "0",
    "bulk": "b-1",
    "build": "00000000-0000-0000-0000-000000000000",
    "version": "1",
    "submission": "report.r-1",
}


def path_of(route):
    return route.path.format(**EXAMPLES)


def call(client, route):
    body = {} if route.body else None
    return client(route.method, path_of(route), body)


def test_what_is_nowhere(api):
    for path in (
        "/",
        "/v1",
        "/v2/jobs",
        "/v1/jobs/",
        "/v1/jobs/Report",
        "/v1/jobs/a/b",
        "//v1/jobs",
    ):
        reply = api("GET", path)
        assert (reply.status, reply.slug) == (404, "not-found"), path


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE", "PUT", "POST"])
def test_methods_that_a_path_has_not(api, method):
    reply = api(method, "/v1/jobs")

    assert (reply.status, reply.slug, reply.headers["Allow"]) == (405, "method-not-allowed", "GET")
    assert reply.json["request_id"] == "r-1"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/*", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/xml, application/json;q=0.0", 406),
    ],
)
def test_representations(api, accept, status):
    assert api("GET", "/v1/health", accept=accept).status == status


@pytest.mark.parametrize(
    ("headers", "raw", "slug"),
    [
        ({"content_type": None}, "{}", "unsupported-media-type"),
        ({"content_type": "text/plain"}, "{}", "unsupported-media-type"),
        ({}, "", "invalid-json"),
        ({}, "{", "invalid-json"),
        ({}, '{"a": NaN}', "invalid-json"),
        ({}, '{"a": 1e999}', "invalid-json"),
        ({}, '{"a": 1e-999999999}', "invalid-json"),
        ({}, '{"a": "\\ud800"}', "invalid-json"),
        ({}, "[" * 100_000, "invalid-json"),
        ({}, '{"a": ' + "9" * 5000 + "}", "invalid-json"),
        ({}, '{"payload": {"a": 1, "b": 2, "a": 3}}', "invalid-json"),
        ({}, '{"payload": ' + '{"a": ' * 100 + "1" + "}" * 101, "invalid-json"),
        ({}, '{"payload": ' + "[" * 800 + "]" * 800 + "}", "invalid-json"),
        ({}, "[]", "invalid-body"),
        ({}, '{"payloa": {}}', "invalid-body"),
        ({}, '{"overlap": "never"}', "invalid-body"),
        ({}, '{"payload": "' + "x" * 262_144 + '"}', "too-large"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies_that_are_refused(api, headers, raw, slug):
    reply = api("POST", "/v1/jobs/report/runs", raw=raw, **headers)

    assert (reply.slug, reply.status) == (slug, ProblemType[slug.upper().replace("-", "_")].status)
    if slug == "unsupported-media-type":
        assert reply.headers["Accept-Post"] == "application/json"


def test_a_misspelt_member_is_named(api):
    reply = api("POST", "/v1/jobs/report/runs", {"payloa": {}})

    (error,) = reply.json["errors"]
    assert (error["pointer"], error["did_you_mean"]) == ("/payloa", "payload")


def test_a_member_that_appears_twice_is_named(api):
    reply = api("POST", "/v1/jobs/report/runs", raw='{"payload": {"day": 1, "day": 2}}')

    assert reply.json["detail"] == 'An object has "day" twice.'


def test_a_body_may_be_as_deep_as_that(api):
    deep = '{"payload": ' + '{"a": ' * 98 + "1" + "}" * 99

    assert api("POST", "/v1/jobs/report/runs", raw=deep).status == 404


def test_a_pointer_escapes_what_is_in_names(api):
    reply = api("POST", "/v1/jobs/report/runs", {"a/b~c": 1})

    assert reply.json["errors"][0]["pointer"] == "/a~1b~0c"


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59"])
@pytest.mark.parametrize("path", ["/v1/runs", "/v1/audit", "/v1/jobs/report/runs"])
def test_a_time_that_is_none_in_utc(api, path, time):
    reply = api("GET", path, query=f"since={time}")

    assert (reply.slug, reply.json["errors"][0]["pointer"]) == ("invalid-parameter", "/query/since")


@pytest.mark.parametrize("query", ["", "dry_run=true"])
@pytest.mark.parametrize("key", ["", "a b", "\xe9", "\ud800", "x" * 256])
@pytest.mark.parametrize(
    "path", [route.path for route in ROUTES if route.has_key], ids=lambda path: path
)
def test_idempotency_keys_that_are_refused(api, path, key, query):
    path = path.format(job_name="report", run="r")

    assert api("POST", path, {}, query=query, idempotency_key=key).slug == "invalid-parameter"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=1.0",
        "limit=",
        "limits=1",
        "limit=1&limit=2",
        "status=x",
        "cursor=",
        "cursor=abc",
        "fields=nope",
        "prefix=" + "x" * 41,
        "limit=%FF",
        "type=ec3",
    ],
)
def test_queries_that_are_refused(api, query):
    reply = api("GET", "/v1/jobs", query=query)

    assert reply.status == 400
    assert reply.slug in {"invalid-parameter", "invalid-cursor"}


def test_what_a_role_does_not_allow_is_in_the_audit(api, here):
    client = replace(api, authorizer=by_scopes("jobs/read"))
    assert client("DELETE", "/v1/rows/report").status == 403

    (entry,) = audit.page(here.service, 10).entries
    assert (entry.action, entry.outcome) == ("delete_row", "refused")
    assert (entry.by, entry.detail) == ("https://issuer.example#ada", "DELETE /v1/rows/report")


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_each_role_has_its_routes(api, role):
    client = replace(api, authorizer=by_scopes(f"jobs/{role.value}"))

    replies = {route.name: call(client, route) for route in ROUTES}

    refused = {name for name, reply in replies.items() if reply.status == 403}
    assert refused == {route.name for route in ROUTES if not role.includes(route.role)}
    assert all(reply.status < 500 for reply in replies.values())


def test_whoever_iam_lets_in_has_the_role_of_the_route(api):
    client = replace(api, authorizer=by_iam())

    assert {call(client, route).status for route in ROUTES}.isdisjoint({403, 500})


@pytest.mark.parametrize(
    ("authorizer", "status"),
    [
        ({}, 403),
        (None, 403),
        ({"iam": {}}, 403),
        (by_scopes("read"), 403),
        (by_scopes("others/admin"), 403),
        (by_scopes("jobs/reader"), 403),
        (by_scopes("openid", "jobs/read"), 200),
        (by_scopes("jobs/admin", token_use="access", username="ada"), 403),
        (
            by_scopes(
                "jobs/admin",
                token_use="access",
                username="ada",
                **{"cognito:groups": "[read others]"},
            ),
            200,
        ),
        (by_scopes("jobs/read", token_use="access"), 200),
    ],
    ids=str,
)
def test_who_may_read(api, authorizer, status):
    assert replace(api, authorizer=authorizer)("GET", "/v1/jobs").status == status


@pytest.mark.parametrize("route", ["/v1/jobs", "/v1/rows/report"])
def test_the_code_of_a_job_may_not_call(api, route):
    """Its row may let it call any API: by this one it would have what its boundary denies."""
    job = "arn:aws:sts::123456789012:assumed-role/jobs-nightly-Role-1A2B3C/jobs-nightly"

    assert replace(api, authorizer=by_iam(job))("GET", route).slug == "forbidden"
    person = "arn:aws:sts::123456789012:assumed-role/Developer/ada"
    assert replace(api, authorizer=by_iam(person))("GET", "/v1/jobs").status == 200


def test_groups_of_a_pool_limit_what_a_persons_token_may(api):
    token = by_scopes(
        "jobs/admin", token_use="access", username="a", **{"cognito:groups": "[operate]"}
    )
    client = replace(api, authorizer=token)

    assert client("POST", "/v1/jobs/report/runs", {}).status == 404
    assert client("GET", "/v1/rows/report").slug == "forbidden"


@pytest.mark.parametrize("error", [ZeroDivisionError, DeniedError])
def test_a_failure_of_ours_says_nothing_of_its_inside(api, error):
    def fails(_caller):
        raise error("secret")

    reply = Client(replace(api.app, service=fails))("GET", "/v1/jobs")

    assert (reply.status, reply.slug) == (500, "internal")
    assert "secret" not in reply.text


def test_reads_are_counted(api):
    assert 'reads;desc="3"' in api("GET", "/v1/health").headers["Server-Timing"]


def test_problems_are_documented_where_their_type_leads(api):
    problem = api("GET", "/v1/nowhere").json

    found = api("GET", problem["type"]).json

    assert (found["type"], found["status"]) == (problem["type"], 404)
    assert len(api("GET", "/v1/problems").json["problems"]) == len(ProblemType)
    assert json.dumps(found)
    assert api("GET", "/v1/problems/none").slug == "not-found"
