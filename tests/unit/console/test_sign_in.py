"""Signing in at an issuer that speaks the real protocol, on the loopback interface."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.console import cookies
from provisioner.console.id_token import SignInError
from provisioner.console.issuer import Issuer
from provisioner.errors import TemporaryError
from provisioner.sessions import IDLE, LONGEST, key_of
from tests.support.oidc import CLIENT_ID, Person
from tests.support.sign_in import Browser, console

NOW = datetime.now(UTC)


def test_somebody_signs_in():
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        assert browser.session() is None

        location = browser.sign_in("/jobs?status=FAILED")

        assert location == "/jobs?status=FAILED"
        session = browser.session()
        assert (session.subject, session.name, session.groups) == (
            "u-1",
            "ada@example.com",
            ("admins",),
        )
        assert cookies.SIGN_IN not in browser.cookies


def test_what_the_issuer_is_asked():
    with console() as (sign_in, issuer):
        asked = {k: v[0] for k, v in parse_qs(urlsplit(sign_in.begin("/").location).query).items()}

        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == f"{sign_in.origin}/callback"
        assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
        assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))
        assert issuer.requests == [("/.well-known/openid-configuration", {})]


def test_cookies_are_of_this_host_alone():
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        browser.sign_in("/")

        for header in browser.headers:
            assert header.startswith("__Host-")
            assert header.split("; ", 1)[1].startswith("Path=/; Secure; HttpOnly; SameSite=Lax")
            assert "Domain" not in header


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["admins"], "admin"), (["readers", "other"], "read"), (["writers", "readers"], "write")],
    ids=str,
)
def test_the_highest_role_of_a_person_s_groups(groups, role):
    with console() as (sign_in, issuer):
        issuer.person = Person(groups=groups)
        browser = Browser(sign_in)
        browser.sign_in("/")

        assert sign_in.groups.role(browser.session().groups).value == role


def test_whoever_is_in_no_group_is_not_signed_in():
    with console() as (sign_in, issuer):
        issuer.person = Person(groups=["others"])

        with pytest.raises(SignInError, match=r"ada@example.com belongs to no group"):
            Browser(sign_in).sign_in("/")
        assert not sign_in.sessions.items


def test_a_group_that_loses_its_role_ends_its_sessions():
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        browser.sign_in("/")
        sign_in.groups.roles.pop("admins")

        assert browser.session() is None


def test_an_address_that_the_issuer_has_not_verified_is_not_a_name():
    with console() as (sign_in, issuer):
        issuer.claims = {"email_verified": False}
        browser = Browser(sign_in)
        browser.sign_in("/")

        assert browser.session().name == "u-1"


TIMES = {
    "at once": ([timedelta(0)], True),
    "idle for long": ([IDLE], False),
    "used all the time": ([IDLE - timedelta(seconds=2)] * 2, True),
    "after a working day": ([IDLE / 2] * int(LONGEST / IDLE * 2), False),
}


@pytest.mark.parametrize(("pauses", "is_open"), TIMES.values(), ids=TIMES)
def test_how_long_a_session_lasts(pauses, is_open):
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        browser.sign_in("/")
        for pause in pauses:
            sign_in.clock.now += pause
            session = browser.session()

        assert (session is not None) == is_open


def test_signing_out_is_for_good():
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        browser.sign_in("/")
        kept = dict(browser.cookies)

        browser.follow(sign_in.end(browser.sent))

        assert browser.session() is None
        browser.cookies = kept
        assert browser.session() is None


def test_only_the_hash_of_a_session_s_id_is_kept():
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        browser.sign_in("/")

        session_id = browser.cookies[cookies.SESSION]
        assert len(session_id) == 43
        assert [*sign_in.sessions.items] == [key_of(session_id)]
        assert session_id not in repr(sign_in.sessions.items)


EVIL = {
    "another issuer's document": {"issuer": "https://evil.example"},
    "a token endpoint without TLS": {"token_endpoint": "http://evil.example/token"},
    "an authorization endpoint of another scheme": {
        "authorization_endpoint": "javascript:alert(1)"
    },
    "a file": {"token_endpoint": "file:///etc/passwd"},
    "an address with a user": {"token_endpoint": "https://issuer@evil.example/"},
    "no endpoint": {"token_endpoint": None},
}


@pytest.mark.parametrize("document", EVIL.values(), ids=EVIL)
def test_an_issuer_that_is_not_what_it_says(document):
    with console() as (sign_in, issuer):
        issuer.discovery = document

        with pytest.raises(SignInError):
            sign_in.begin("/")


@pytest.mark.parametrize(
    ("status", "error"), [(500, TemporaryError), (429, TemporaryError), (302, SignInError)]
)
def test_an_issuer_that_is_out_of_order(status, error):
    with console() as (sign_in, issuer):
        issuer.answer = (status, {})

        with pytest.raises(error):
            Browser(sign_in).sign_in("/")
        assert not sign_in.sessions.items


NO_TOKENS = {
    "no token": {},
    "a list": [],
    "a token that is a number": {"id_token": 7},
    "no token at all in it": {"id_token": ""},
    "two parts": {"id_token": "e30.e30"},
    "four parts": {"id_token": "e30.e30.e30.e30"},
    "a payload in no base64": {"id_token": "e30.a.e30"},
    "a payload that is no JSON": {"id_token": "e30.ew.e30"},
    "a payload that is no text": {"id_token": "e30._w.e30"},
    "a payload that is a list": {"id_token": "e30.W10.e30"},
    "a payload that is too deep": {"id_token": f"e30.{'W1tb' * 15_000}.e30"},
    "letters of no alphabet": {"id_token": "e30.\u00e9\u00e9.e30"},
}


@pytest.mark.parametrize("answer", NO_TOKENS.values(), ids=NO_TOKENS)
def test_an_answer_without_a_readable_token(answer):
    with console() as (sign_in, issuer):
        issuer.answer = (200, answer)

        with pytest.raises(SignInError, match=r"sent no ID token|ID token cannot be read"):
            Browser(sign_in).sign_in("/")
        assert not sign_in.sessions.items


@pytest.mark.parametrize("url", ["http://issuer.example", "ftp://issuer.example", "issuer", ""])
def test_an_issuer_without_tls_is_not_asked(url):
    with console() as (sign_in, _):
        sign_in.issuer.url = url

        with pytest.raises(SignInError, match="is not an https address"):
            sign_in.begin("/")


def test_a_client_with_a_secret_proves_itself_as_oauth_says():
    """RFC 6749, 2.3.1: both are encoded as in a form before they are joined."""
    with console() as (sign_in, issuer):
        with_secret = Issuer(issuer.url, CLIENT_ID, lambda: "a b:c+d%é")

        Browser(replace(sign_in, issuer=with_secret)).sign_in("/")

        [sent] = issuer.credentials
        kind, _, encoded = sent.partition(" ")
        assert kind == "Basic"
        assert base64.b64decode(encoded) == b"console:a+b%3Ac%2Bd%25%C3%A9"


def test_a_client_without_a_secret_sends_none():
    with console() as (sign_in, issuer):
        Browser(sign_in).sign_in("/")

        assert issuer.credentials == [None]


def test_an_issuer_that_does_not_speak_http():
    with console() as (sign_in, issuer):
        issuer.is_broken = True

        with pytest.raises(TemporaryError, match="does not answer as one"):
            Browser(sign_in).sign_in("/")


CLAIMS = {
    "groups that are no list": {"groups": "admins"},
    "groups that are an object": {"groups": {"admins": True}},
    "groups that are no texts": {"groups": [["admins"], {"admins": 1}, None, 7]},
    "8,000 groups of others": {"groups": [f"group-{n}" for n in range(8_000)]},
    "a subject that is no text": {"sub": ["u-1"]},
    "an empty subject": {"sub": ""},
    "a time that is no number": {"exp": "9999999999"},
    "a time that is true": {"exp": True},
    "no time": {"exp": None},
    "over for longer than clocks differ": {"exp": int(NOW.timestamp()) - 120},
    "issued later than clocks differ": {"iat": int(NOW.timestamp()) + 86_400},
    "another audience": {"aud": "other"},
    "an audience that is an object": {"aud": {"console": 1}},
    "two audiences without the party": {"aud": ["console", "other"]},
    "another party": {"azp": "other"},
    "another issuer": {"iss": "https://evil.example"},
    "another nonce": {"nonce": "x"},
    "a nonce that is no text": {"nonce": 7},
    "no nonce": {"nonce": None},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_a_token_that_says_something_else(claims):
    with console() as (sign_in, issuer):
        issuer.claims = claims

        with pytest.raises(SignInError):
            Browser(sign_in).sign_in("/")
        assert not sign_in.sessions.items


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -30), ("iat", 30)])
def test_clocks_may_differ_a_little(claim, seconds):
    with console() as (sign_in, issuer):
        issuer.claims = {claim: int(datetime.now(UTC).timestamp()) + seconds}
        browser = Browser(sign_in)
        browser.sign_in("/")

        assert browser.session()


def test_groups_that_mean_nothing_here_are_not_kept():
    with console() as (sign_in, issuer):
        issuer.claims = {"groups": [*(f"group-{n}" for n in range(8_000)), "readers"]}
        browser = Browser(sign_in)
        browser.sign_in("/")

        assert browser.session().groups == ("readers",)


def test_cookies_fit_into_what_api_gateway_and_browsers_take():
    with console() as (sign_in, _):
        begun = sign_in.begin("/jobs?prefix=" + "x" * 1_980)
        refused = sign_in.begin("/jobs?prefix=" + "x" * 9_000)

        assert all(len(each) < 4_096 for each in (*begun.set_cookies, *refused.set_cookies))
