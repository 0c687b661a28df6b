"""Routes, rights and headers of the console, without any page of it."""

from __future__ import annotations

import base64
import gzip
from datetime import UTC, datetime

import pytest

from provisioner.console import loopback
from provisioner.console.app import App, Route
from provisioner.console.http import Request, Response, redirect, request_of, to_gateway
from provisioner.console.routes import ROUTES
from provisioner.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    PermanentError,
    StaleError,
    TemporaryError,
)
from provisioner.service.caller import Caller, Role
from provisioner.service.context import Service
from provisioner.service.rights import NEEDED, Action
from tests.support.console import body_of, event_of

READER = Caller("ada", via="console", role=Role.READ)
OWN = {"host": "abc.execute-api.localhost:4566"}


def shown(request, _service):
    return Response(f"{request.path} {dict(request.parts)} {request.caller.name}")


def raising(error):
    def page(_request, _service):
        raise error

    return page


def app(*routes, before=lambda request: request.of(READER)):
    reported = []

    def service(caller):
        return Service("jobs", {}, None, lambda: datetime.now(UTC), lambda: caller)

    return App(routes, before, service, lambda: reported.append(1)), reported


def answer(request, *routes, **options):
    return app(*routes, **options)[0].answer(request)


SHOWN = Route("GET", "/jobs/{job}", shown, Action.GET_JOB)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/jobs/a", 200),
        ("HEAD", "/jobs/a", 200),
        ("POST", "/jobs/a", 405),
        ("GET", "/jobs/a/b", 404),
        ("GET", "/jobs/", 404),
        ("GET", "/Jobs/a", 404),
    ],
)
def test_routes(method, path, status):
    response = answer(Request(method, path), SHOWN)

    assert response.status == status
    assert response.headers.get("Allow") == ("GET" if status == 405 else None)


def test_a_page_gets_the_parts_of_its_address():
    assert answer(Request("GET", "/jobs/a"), SHOWN).body == "/jobs/a {'job': 'a'} ada"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("no"), 404),
        (ForbiddenError("no"), 403),
        (InvalidRequestError("no"), 400),
        (PermanentError("no"), 409),
        (StaleError("no"), 412),
        (TemporaryError("no"), 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_have_a_page_with_their_sentence(error, status):
    error.args = ("<b>no</b>",)
    response = answer(Request("GET", "/jobs/a"), Route("GET", "/jobs/{job}", raising(error), None))

    assert response.status == status
    assert "&lt;b&gt;no&lt;&#x2f;b&gt;" in response.body


def test_a_bug_has_a_page_without_its_words():
    made, reported = app(Route("GET", "/", raising(ValueError("secret")), None))
    response = made.answer(Request("GET", "/"))

    assert (response.status, reported) == (500, [1])
    assert "secret" not in response.body


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [(TemporaryError("later"), True), (ValueError("secret"), True), (PermanentError("no"), False)],
    ids=["an outage", "a bug", "a refusal"],
)
def test_what_was_sent_can_be_sent_again_if_that_may_help(error, is_kept):
    sent = Request("POST", "/jobs/a", fields=(("row", "{\r\n}"), ("do", "save"), ("csrf", "x")))
    response = answer(sent, Route("POST", "/jobs/{job}", raising(error), None))

    assert ('name="row"' in response.body) == ('value="save"' in response.body) == is_kept
    assert 'value="x"' not in response.body


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_whoever_may_not_gets_403(role, action):
    route = Route("GET", "/jobs/{job}", shown, action)
    before = lambda request: request.of(Caller("ada", via="console", role=role))  # noqa: E731
    response = answer(Request("GET", "/jobs/a"), route, before=before)

    assert response.status == (200 if role.includes(NEEDED[action]) else 403)


def test_the_hook_may_answer_itself():
    response = answer(Request("GET", "/jobs/a"), SHOWN, before=lambda _: redirect("/sign-in"))

    assert (response.status, response.headers["Location"]) == (303, "/sign-in")


def test_only_files_need_no_caller():
    assert {route.pattern for route in ROUTES if route.action is None} <= {
        "/static/{rest}",
        "/sign-in",
        "/callback",
        "/sign-out",
    }


@pytest.mark.parametrize("path", ["/jobs/a", "/none", "/static/none.js"])
def test_every_answer_has_the_security_headers(path):
    one, two = (answer(Request("GET", path), SHOWN) for _ in range(2))
    policy = one.headers["Content-Security-Policy"]

    assert policy != two.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }.items() <= one.headers.items()


class TestEvents:
    def test_a_request(self):
        headers = {"Cookie": "a=1; b=2", "X-Other": "y"}
        request = request_of(event_of("GET", "/jobs/a%20b?status=READY&empty=&q=1&q=2", headers))

        assert (request.path, request.cookies) == ("/jobs/a b", ("a=1", "b=2"))
        assert request.query == {"status": "READY", "q": "2"}
        assert request.address == "/jobs/a%20b?status=READY&q=2"
        assert (request.headers["x-other"], request.source) == ("y", "127.0.0.1")

    def test_a_form(self):
        kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = request_of(event_of("POST", "/", kind, b"job=a&job=b&note=&text=%C3%BC"))

        assert request.fields == (("job", "a"), ("job", "b"), ("note", ""), ("text", "ü"))
        assert request.form["job"] == "b"

    @pytest.mark.parametrize("body", [b"\xff", b"&".join([b"a=1"] * 2001)], ids=["bytes", "many"])
    def test_a_form_that_cannot_be_read(self, body):
        kind = {"content-type": "application/x-www-form-urlencoded"}
        with pytest.raises(InvalidRequestError):
            request_of(event_of("POST", "/", kind, body))

    def test_what_is_large_is_compressed_for_whoever_reads_it(self):
        request = Request("GET", "/", headers={"accept-encoding": "gzip, br"})
        large = to_gateway(request, Response("x" * 5000))
        small = to_gateway(request, Response("x"))
        plain = to_gateway(Request("GET", "/"), Response("x" * 5000))

        assert large["headers"]["Content-Encoding"] == "gzip"
        assert len(gzip.decompress(base64.b64decode(large["body"]))) == 5000
        assert "Content-Encoding" not in small["headers"] | plain["headers"]

    def test_head_has_no_body(self):
        assert body_of(to_gateway(Request("HEAD", "/"), Response("x"))) == b""


class TestTheLoopback:
    @pytest.mark.parametrize("host", ["localhost", "localhost:45", "a.localhost:1", "127.0.0.1:1"])
    def test_is_the_local_operator(self, host):
        request = Request("GET", "/jobs/a", headers={"host": host}, source="127.0.0.1")

        assert loopback.before(request).caller.role is Role.ADMIN

    @pytest.mark.parametrize(
        ("host", "source"),
        [
            ("evil.example:4566", "127.0.0.1"),  # a name that was made to resolve to this machine
            ("localhost.evil.example", "127.0.0.1"),
            ("", "127.0.0.1"),
            ("localhost", "203.0.113.7"),
            ("localhost", None),
        ],
    )
    def test_is_nobody_else(self, host, source):
        with pytest.raises(ForbiddenError):
            loopback.before(Request("GET", "/jobs/a", headers={"host": host}, source=source))
