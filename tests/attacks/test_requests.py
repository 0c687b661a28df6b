"""Requests that mean two things, or another's: no route does more than the gateway has allowed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from urllib.parse import quote

import pytest

from provisioner.api.routes import ROUTES as OF_API
from provisioner.console.routes import ROUTES
from tests.functional.api.conftest import api, paused
from tests.functional.cli.conftest import account, environment, here
from tests.functional.console.conftest import browser
from tests.functional.console.test_gate import SignedIn
from tests.functional.console.test_gate import browser as ada
from tests.support.api import by_iam, by_scopes, route_key
from tests.support.builds import GIT_ROW, LAST, built
from tests.support.cli import NOW, put_run
from tests.support.functions import Context
from tests.support.rows import ROW

__all__ = ["account", "ada", "api", "browser", "environment", "here", "paused"]

RUNS = "/v1/jobs/report/runs"
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
OTHER = ROW | {"job_name": "other"}


@pytest.fixture
def jobs(here):
    """Let two jobs be there that can run, each with three runs."""
    for row in (ROW, OTHER):
        name = row["job_name"]
        here.jobs.put(row)
        here.make_ready(name)
        for number in range(3):
            at = NOW + timedelta(minutes=number)
            put_run(name, f"{name}-{number}", "SUCCEEDED", started_at=at)
    return here


@pytest.fixture
def machines(jobs):
    """Let the two jobs have what a run needs."""
    for name in ("report", "other"):
        jobs.make_runnable(ENDLESS, name)


def asked(api, key, method, path):
    """Return the answer to a request that the gateway has sent to a route."""
    event = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "headers": {"if-match": "*"},
        "requestContext": {
            "http": {"method": method, "path": path},
            "authorizer": by_iam(),
            "stage": "$default",
        },
    }
    return api.app.resolve(event, Context())


NAMES = ("report%00", "..", "%2e%2e", "report%0a", "%23upgrade", "%25", "\u00e9", "-", "")
ENCODED = (
    ("GET", "/v1/jobs/report%2Fstack"),
    ("GET", "/v1/jobs/report%2Fruns%2Freport-0"),
    ("GET", "/v1/jobs%2Freport"),
    ("POST", "/v1/jobs/report%2Fretry"),
    ("POST", "/v1/jobs/report/runs%2Freport-0%2Fagain"),
    ("DELETE", "/v1/rows%2Freport"),
    ("GET", "/v1/upgrades%2Fcurrent"),
)


@pytest.mark.usefixtures("jobs")
class TestPaths:
    """API Gateway checks the rights of the route that it chooses, and decodes the path after it."""

    def test_an_encoded_slash_leads_to_no_other_route(self, jobs, api):
        for caller, (method, path) in product((by_iam(), by_scopes("jobs/admin")), ENCODED):
            answer = replace(api, authorizer=caller)(method, path, if_match="*")
            assert answer.slug == "not-found", path
        assert jobs.row() == ROW
        assert jobs.queued() == []

    def test_another_spelling_of_a_name_is_that_name(self, api):
        for path in ("/v1/jobs/re%70ort", "/v1/jobs/report"):
            assert api("GET", path).json["job_name"] == "report"

    def test_the_route_whose_rights_were_checked_is_the_one_that_answers(self, api):
        """Whatever the gateway and the function make of one path."""
        key = route_key("GET", "/v1/jobs/report")

        assert asked(api, key, "GET", "/v1/rows/report")["statusCode"] == 404

    def test_the_route_without_rights_answers_nothing(self, jobs, api):
        """`$default` takes what no other route does; API Gateway requires no scope for it."""
        for route in OF_API:
            path = re.sub(r"{[^}]+}", "report", route.path)
            for method in ("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS"):
                answer = asked(api, "$default", method, path)
                assert answer["statusCode"] in {404, 405}, (method, path)
        assert jobs.row() == ROW
        assert jobs.queued() == []

    def test_names_that_no_job_has(self, api):
        for name in (
            "report%00",
            "..",
            "%2e%2e",
            "report%0a",
            "%23upgrade",
            "%25",
            "\u00e9",
            "-",
            "",
        ):
            for path in (f"/v1/jobs/{name}", f"/v1/rows/{name}", f"/v1/jobs/{name}/runs"):
                assert api("GET", path).status == 404

    @pytest.mark.parametrize("what", ["", "/log"])
    def test_a_build_of_another_job(self, jobs, api, what):
        built(jobs)

        assert api("GET", f"/v1/jobs/report/builds/{LAST}{what}").status == 200
        assert api("GET", f"/v1/jobs/other/builds/{LAST}{what}").slug == "not-found"

    def test_a_run_of_another_job(self, api):
        for path in (
            "/v1/jobs/other/runs/report-0",
            "/v1/jobs/other/runs/report-0/log",
            "/v1/jobs/other/runs/report-0/items",
            "/v1/jobs/other/runs/report-0/items/0",
            "/v1/submissions/other.report-0",
        ):
            assert api("GET", path).slug == "not-found", path
        for path in ("stop", "again"):
            assert api("POST", f"/v1/jobs/other/runs/report-0/{path}", {}).slug == "not-found"
        assert api("GET", "/v1/submissions/report.report-0").json["run"] == "report-0"


TIMES = (
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "0000-01-01T00:00:00Z",
    "2026-11-26T00:00:00+99:99",
    "2026-11-26T00:00:00",
    "\u0662026-11-26T00:00:00Z",
    "2026-11-26T00:00:00Z\x00",
    "2026-11-26T00:00:00Z#report-0",
    "~",
    "1" * 5_000,
)
FORGED = {
    "nothing": lambda _: "A",
    "not ASCII": lambda _: "%C3%A9",
    "another signature": lambda cursor: ("B" if cursor[0] == "A" else "A") + cursor[1:],
    "no signature": lambda cursor: cursor[22:],
    "more behind it": lambda cursor: cursor + "AAAA",
    "twice": lambda cursor: cursor * 2,
}
NOT_TRIES = (
    "dry_run=true&dry_run=false",
    "dry_run=true&dry%5Frun=false",
    "dry_run=false&dry_run=true",
    "dry_run=true&DRY_RUN=false",
    "dry_run=true&dry_run",
    "dry_run=True",
    "dry_run=",
    "&".join(["dry_run=true"] * 60),
)
COMMITS = (
    "main",
    "a" * 39,
    "a" * 41,
    "g" * 40,
    "A" * 40,
    "--upload-pack=touch${IFS}x;#aaaaaaaaaaaa",
    "a" * 39 + "\n",
    "refs/heads/" + "a" * 29,
    "\u0661" * 40,
)
CONDITIONS = (
    "x" * 10_000,
    '"' * 10_000,
    "," * 10_000,
    ", ".join(['"0"'] * 2_000),
    ", ".join([f'"{"0" * 32}"'] * 280),
    'W/"' + "0" * 32 + '"',
    "**",
    '"*"',
)


class TestParameters:
    @pytest.mark.usefixtures("jobs")
    def test_times_that_are_none(self, api):
        for path, since in product(("/v1/runs", RUNS, "/v1/audit", "/v1/jobs/report/audit"), TIMES):
            refused = api("GET", path, query=f"since={quote(since)}")
            assert refused.slug == "invalid-parameter", since
            assert refused.json["errors"][0]["pointer"] == "/query/since"

    @pytest.mark.usefixtures("jobs")
    def test_times_that_are_odd(self, api):
        for since in ("0001-01-01T00:00:00Z", "2026-11-21T10:00:00%2B02:00"):
            assert len(api("GET", RUNS, query=f"since={since}").json["runs"]) == 3

    @pytest.mark.usefixtures("jobs")
    def test_cursors_that_nobody_gave(self, api):
        cursor = api("GET", RUNS, query="limit=2").json["next"]

        for said, forged in FORGED.items():
            refused = api("GET", RUNS, query=f"limit=2&cursor={forged(cursor)}")
            assert refused.slug == "invalid-cursor", said
        rest = api("GET", RUNS, query=f"limit=2&cursor={cursor}").json["runs"]
        assert [each["run"] for each in rest] == ["report-0"]

    def test_the_cursor_of_a_build_s_log_is_of_no_other_log(self, jobs, api):
        built(jobs)
        build = f"/v1/jobs/report/builds/{LAST}/log"
        cursor = api("GET", build, query="order=oldest&limit=2").json["newer"]

        assert api("GET", build, query=f"cursor={cursor}").slug == "invalid-cursor"
        log = api("GET", f"{RUNS}/report-0/log", query=f"order=oldest&cursor={cursor}")
        assert log.slug in {"invalid-cursor", "not-found", "conflict"}

    def test_a_try_that_is_none(self, jobs, api):
        for query in NOT_TRIES:
            assert api("DELETE", "/v1/rows/report", query=query, if_match="*").status == 400, query
            assert api("POST", RUNS, {}, query=query).status == 400, query
        assert jobs.row() == ROW

    def test_a_try(self, jobs, api):
        assert api("DELETE", "/v1/rows/report", query="dry_run=true", if_match="*").status == 202
        assert jobs.row() == ROW
        assert api("DELETE", "/v1/rows/report", query="dry_run=false", if_match="*").status == 202
        assert jobs.row() == {}

    def test_commits_that_are_none(self, jobs, api):
        jobs.jobs.put(GIT_ROW)

        for commit, more in product(COMMITS, ("", "&dry_run=true")):
            answer = api("POST", "/v1/jobs/report/builds", query=f"commit={quote(commit)}{more}")
            assert answer.status in {400, 422}, commit
        assert jobs.row() == GIT_ROW

    def test_a_commit_of_a_job_that_has_no_repository(self, jobs, api):
        answer = api("POST", "/v1/jobs/report/builds", query=f"commit={'a' * 40}")

        assert 400 <= answer.status < 500
        assert jobs.row() == ROW

    def test_whoever_may_not_write_names_no_commit(self, jobs, api):
        jobs.jobs.put(GIT_ROW)
        operator = replace(api, authorizer=by_scopes("jobs/operate"))

        for more in ("", "&dry_run=true"):
            query = f"commit={'b' * 40}{more}"
            assert operator("POST", "/v1/jobs/report/builds", query=query).status == 403
        assert jobs.row() == GIT_ROW


class TestHeaders:
    @pytest.mark.usefixtures("machines")
    def test_long_keys(self, api):
        for length in (256, 10_000):
            assert api("POST", RUNS, {}, idempotency_key="k" * length).status == 400
        assert api("POST", RUNS, {}, idempotency_key="k" * 255).status == 202

    def test_conditions_that_match_nothing(self, jobs, api):
        for header in CONDITIONS:
            for method, body in (("DELETE", None), ("PATCH", {"memory_mb": 512})):
                refused = api(method, "/v1/rows/report", body, if_match=header)
                assert refused.slug == "stale", header[:40]
        assert jobs.row() == ROW

    @pytest.mark.usefixtures("jobs")
    def test_long_headers(self, api):
        for name in ("accept", "if-none-match", "content-type", "x" * 5_000):
            answer = replace(api, headers={name: "a/b;q=0," * 1_250})("GET", "/v1/jobs/report")
            assert answer.status == (406 if name == "accept" else 200)

    @pytest.mark.usefixtures("machines")
    def test_a_key_of_somebody_else_starts_nothing_again_and_shows_nothing(self, api):
        eve = replace(api, authorizer=by_scopes("jobs/operate", sub="eve"))
        first = api("POST", RUNS, {"payload": {"n": 1}}, idempotency_key="order-7")

        same = eve("POST", RUNS, {"payload": {"n": 1}}, idempotency_key="order-7")
        changed = eve("POST", RUNS, {"payload": {"n": 2}}, idempotency_key="order-7")
        elsewhere = eve("POST", "/v1/jobs/other/runs", {}, idempotency_key="order-7")

        assert (same.json, same.headers["Idempotency-Replayed"]) == (first.json, "true")
        assert changed.slug == "key-reused"
        assert elsewhere.headers["Idempotency-Replayed"] == "false"
        assert elsewhere.json["run"] != first.json["run"]
        entries = api("GET", "/v1/jobs/report/audit").json["entries"]
        started = [each["by"].rpartition("#")[2] for each in entries if each["outcome"] == "done"]
        assert started.count("ada") == 1
        shown = json.dumps([same.json, changed.json, elsewhere.json])
        assert '"n"' not in shown

    @pytest.mark.usefixtures("machines")
    def test_a_key_of_somebody_who_may_only_read(self, api):
        reader = replace(api, authorizer=by_scopes("jobs/read", sub="eve"))
        api("POST", RUNS, {}, idempotency_key="order-7")

        assert reader("POST", RUNS, {}, idempotency_key="order-7").status == 403


ADDRESSES = (
    *("/jobs/report/versions/{}", "/jobs/report/builds/{}", "/jobs/{}", "/bulk/{}"),
    *(
        f"{page}{{}}"
        for page in (
            *("/runs?cursor=", "/runs?job=report&cursor=", "/jobs?cursor=", "/audit?cursor="),
            *("/jobs/report/audit?cursor=", "/jobs/report/runs/report-0/items?cursor="),
            *("/jobs/report/runs/report-0/log?cursor=", "/jobs/report/runs/report-0/log?lines="),
            *("/runs?status=", "/runs?tag=", "/failures?since=", "/jobs/report/rollback?to="),
            *("/jobs?status=", "/jobs?order=", "/jobs?tag=", "/palette?q="),
        )
    ),
)
VALUES = ("%00", "%2F..%2F", "9" * 400, "W10", "%ff")


class TestPages:
    def test_a_field_twice(self, jobs, browser):
        """The last value counts, wherever a form is read."""
        for fields in (
            [["name", "other"]],
            [["name", "report"], ["name", "other"]],
            [["name", ""], ["name", "x"]],
            [],
        ):
            assert browser.post("/jobs/report/delete", fields).status == 422, fields
        assert (jobs.row(), jobs.row("other")) == (ROW, OTHER)

        assert browser.post("/jobs/report/delete", [["name", "report"]]).status == 303
        assert (jobs.row(), jobs.row("other")) == ({}, OTHER)

    def test_values_that_nobody_gave(self, jobs, browser):
        built(jobs)
        browser.app = replace(browser.app, routes=ROUTES)

        for address, value in product(ADDRESSES, VALUES):
            page = browser.get(address.format(value))
            assert page.status < 500, address.format(value)

    @pytest.mark.parametrize("path", ["/jobs/report%2Fdelete", "/jobs%2Freport/delete"])
    def test_an_encoded_slash_is_a_slash_to_the_page_and_to_its_rights(self, jobs, browser, path):
        """The console has one route at the gateway: its rights are those of the page it shows."""
        browser.role = browser.role.READ

        assert browser.post(path, [["name", "report"]]).status == 403
        assert jobs.row() == ROW


class TestSessions:
    """What one person's browser has is of no use in another's."""

    @pytest.fixture
    def eve(self, ada):
        """Return another browser, of somebody who may do as much."""
        other = SignedIn(ada.gate, ada.app.service)
        other.issuer = ada.issuer
        for each in (ada, other):
            each.sign_in("admins")
        return other

    def test_the_form_of_another_session(self, here, ada, eve):
        before = here.row()
        page = eve.get("/jobs/report/delete")
        page.form.set(name="report")

        assert ada.press(page).status == 403
        assert here.row() == before
        assert eve.press(page).status == 303
        assert here.row() == {}

    def test_the_cookies_of_two_sessions(self, here, ada, eve):
        """Which of the two it is nobody can tell, so it is neither."""
        page = ada.get("/jobs/report/delete")
        page.form.set(name="report")
        both = "; ".join([*eve.cookies.sent, *ada.cookies.sent])

        refused = ada.press(page, cookie=both)
        assert (refused.status, "Your session has ended" in refused.response.body) == (401, True)
        assert ada.get("/jobs/report/delete", cookie=both).status == 303
        assert here.row() != {}
        assert ada.press(page).status == 303
        assert here.row() == {}

    def test_a_form_s_token_twice(self, here, ada, eve):
        own = ada.get("/jobs/report/delete").form["csrf"]
        other = eve.get("/jobs/report/delete").form["csrf"]
        assert own != other
        fields = [["name", "report"], ["csrf", own], ["csrf", other]]

        assert ada.post("/jobs/report/delete", fields).status == 403
        assert here.row() != {}
