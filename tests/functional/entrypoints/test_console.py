"""The console's function: API Gateway's events become pages of the bootstrap that it belongs to."""

from __future__ import annotations

import pytest

from provisioner.entrypoints import console
from tests.functional.conftest import make_table
from tests.support.clients import CLIENTS
from tests.support.console import body_of, event_of
from tests.support.functions import deliver
from tests.support.oidc import CLIENT_ID, oidc_issuer
from tests.support.sign_in import redirect_of


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize(
    ("address", "source", "status", "said"),
    [
        ("/jobs", "127.0.0.1", 200, "There is no job yet"),
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
