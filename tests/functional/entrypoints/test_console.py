"""The console's function: API Gateway's events become pages of the bootstrap that it belongs to."""

from __future__ import annotations

import io
import json

import pytest

from provisioner.console.routes import ROUTES
from provisioner.entrypoints import console
from provisioner.entrypoints.function import logger
from tests.functional.conftest import make_table
from tests.support.clients import CLIENTS, heard
from tests.support.console import body_of, event_of
from tests.support.functions import deliver, runtime
from tests.support.oidc import CLIENT_ID, oidc_issuer
from tests.support.sign_in import redirect_of


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize(
    ("address", "source", "status", "said"),
    [
        ("/jobs", "127.0.0.1", 200, "No jobs yet"),
        ("/jobs", "203.0.113.7", 403, "answers this machine only"),
        ("/jobs?status=GOOD", "127.0.0.1", 400, "is not one of"),
        ("/none", "127.0.0.1", 404, "There is no page"),
    ],
)
def test_a_page(address, source, status, said):
    answer = deliver(console, event_of("GET", address, source=source))

    assert (answer["statusCode"], said in body_of(answer).decode()) == (status, True)


@pytest.mark.usefixtures("bootstrap")
def test_with_a_sign_in_nothing_is_shown_without_it(monkeypatch):
    monkeypatch.setenv("CONSOLE", "sign-in")
    make_table(CLIENTS.dynamodb, "jobs-Sessions", "session")
    with oidc_issuer() as issuer:
        stage = {
            "SessionsTable": "jobs-Sessions",
            "Issuer": issuer.url,
            "ClientId": CLIENT_ID,
            "SecretArn": "none",
            "GroupsClaim": "groups",
            "Roles": "admins=admin,readers=read",
        }

        def ask(address, cookies=()):
            headers = {"host": "abc.example", "cookie": "; ".join(cookies)}
            event = event_of("GET", address, headers, source="203.0.113.7")
            return deliver(console, event | {"stageVariables": stage})

        refused = ask("/jobs")
        assert refused["headers"]["Location"] == "/sign-in?return_to=%2Fjobs"
        begun = ask("/sign-in?return_to=%2Fjobs")
        back = redirect_of(begun["headers"]["Location"])
        assert back.startswith("https://abc.example/callback?")
        cookies = [each.split(";")[0] for each in begun["cookies"]]
        done = ask(back.removeprefix("https://abc.example"), cookies)
        assert done["headers"]["Location"] == "/jobs"
        session = [each.split(";")[0] for each in done["cookies"] if "Max-Age=0" not in each]

        page = ask("/jobs", session)

    assert page["statusCode"] == 200
    assert "Sign out" in body_of(page).decode()


@pytest.mark.usefixtures("bootstrap")
def test_a_sign_in_that_is_not_configured_lets_nobody_in(monkeypatch):
    monkeypatch.setenv("CONSOLE", "sign-in")

    with pytest.raises(KeyError):
        deliver(console, event_of("GET", "/jobs"))


@pytest.fixture
def logged(monkeypatch):
    """Return what the function has logged."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


SAID = ("method", "route", "status", "who")


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize(
    ("method", "address", "source", "said"),
    [
        ("GET", "/jobs/none?x=hidden", "127.0.0.1", ["GET", "/jobs/{job}", 404, "local operator"]),
        ("GET", "/jobs?prefix=hidden", "127.0.0.1", ["GET", "/jobs", 200, "local operator"]),
        ("GET", "/jobs?prefix=hidden", "203.0.113.7", ["GET", "/jobs", 403, "-"]),
        ("GET", "/hidden", "127.0.0.1", ["GET", "-", 404, "-"]),
        ("POST", "/new", "127.0.0.1", ["POST", "/new", 400, "-"]),
    ],
)
def test_each_request_is_logged_without_what_was_sent(logged, method, address, source, said):
    headers = {"cookie": "__Host-session=hidden", "content-type": FORM, "x-other": "hidden"}
    body = b"hidden=\xff" if method == "POST" else b""
    deliver(console, event_of(method, address, headers, body, source=source))

    [line] = [each for each in logged() if each["message"] == "answered"]
    assert [line[name] for name in SAID] == said
    assert line["ms"] >= 0
    assert "hidden" not in json.dumps(logged())


@pytest.mark.usefixtures("bootstrap")
def test_a_page_that_could_not_be_made_is_logged_with_who_asked(logged):
    def broken(*_, **__):
        raise ValueError("a bug")

    with heard(runtime().clients.dynamodb, "provide-client-params.dynamodb.Query", broken):
        answer = deliver(console, event_of("GET", "/jobs"))

    reason, line = logged()
    assert (answer["statusCode"], reason["exception_name"]) == (500, "ValueError")
    assert [line[name] for name in SAID] == ["GET", "/jobs", 500, "local operator"]


FORM = "application/x-www-form-urlencoded"
FORMS = {
    "more fields than any form has": b"a=1&" * 3_000,
    "bytes that are no text": b"a=\xff",
}


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_a_form_that_cannot_be_read_is_an_answer_and_no_error_of_the_function(body):
    headers = {"content-type": FORM}
    answer = deliver(console, event_of("POST", "/new", headers, body, source="203.0.113.7"))

    assert answer["statusCode"] == 400
    assert "The form cannot be read" in body_of(answer).decode()


FOREIGN = {
    "another machine": ("203.0.113.7", {}),
    "one that says it is this one": (
        "203.0.113.7",
        {"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1", "x-real-ip": "127.0.0.1"},
    ),
    "one with a proxy before it": ("10.0.0.1", {"x-forwarded-for": "::1"}),
    "an address of AWS": ("127.0.0.1", {"host": "abc.execute-api.eu-west-1.amazonaws.com"}),
    "a name that ends like this machine's": ("127.0.0.1", {"host": "localhost.evil.example"}),
    "a name that is this machine's by DNS": ("127.0.0.1", {"host": "127.0.0.1.nip.io"}),
    "no name": ("127.0.0.1", {"host": ""}),
    "no address": (None, {}),
}


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize(("source", "headers"), FOREIGN.values(), ids=FOREIGN)
def test_without_a_sign_in_no_other_machine_is_answered(source, headers):
    parts = {"job": "report", "run": "one", "bulk": "x", "version": "1", "item": "0", "build": "x"}
    guarded = [route for route in ROUTES if route.action is not None]
    for route in guarded:
        address = route.pattern.format(**parts)
        answer = deliver(console, event_of(route.method, address, headers, source=source))
        assert answer["statusCode"] == 403, route

    assert {route.pattern for route in ROUTES} - {route.pattern for route in guarded} == {
        "/static/{rest}"
    }
