"""What somebody tries who is not signed in, or not as much as they would like to be."""

from __future__ import annotations

import base64
import json

import pytest

from provisioner.console import cookies
from provisioner.console.id_token import SignInError
from provisioner.console.same_origin import is_same_origin
from provisioner.console.sign_in import own_path
from provisioner.sessions import form_token, is_form_token
from tests.support.oidc import Person
from tests.support.sign_in import ORIGIN, Browser, console


@pytest.fixture
def begun():
    with console() as (sign_in, issuer):
        browser = Browser(sign_in)
        yield browser, browser.begin("/"), issuer


FORGED = {
    "another state": lambda query: query | {"state": "x" * 43},
    "no state": lambda query: {"code": query["code"]},
    "an empty state": lambda query: query | {"state": ""},
    "no code": lambda query: {"state": query["state"]},
    "another code": lambda query: query | {"code": "guessed"},
    "another issuer": lambda query: query | {"iss": "https://evil.example"},
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_answer_of_the_issuer(begun, forge):
    browser, query, _ = begun

    with pytest.raises(SignInError):
        browser.finish(forge(query))
    assert not browser.at.sessions.items


def test_a_victim_s_browser_does_not_finish_the_attacker_s_sign_in(begun):
    """Else what the victim types is the attacker's to read (login CSRF)."""
    attacker, query, _ = begun
    victim = Browser(attacker.at)

    with pytest.raises(SignInError):
        victim.finish(query)
    victim.begin()
    with pytest.raises(SignInError):
        victim.finish(query)


def test_a_code_is_of_use_once(begun):
    browser, query, _ = begun
    before = dict(browser.cookies)
    browser.finish(query)
    browser.cookies = before

    with pytest.raises(SignInError):
        browser.finish(query)
    assert len(browser.at.sessions.items) == 1


def test_a_stolen_code_is_of_no_use_without_the_verifier(begun):
    victim, stolen, _ = begun
    attacker = Browser(victim.at)
    own = attacker.begin()

    with pytest.raises(SignInError):
        attacker.finish(own | {"code": stolen["code"]})


def test_a_session_s_id_is_never_the_one_that_the_browser_came_with(begun):
    browser, query, _ = begun
    browser.cookies[cookies.SESSION] = "chosen-by-the-attacker"

    browser.finish(query)

    assert browser.cookies[cookies.SESSION] != "chosen-by-the-attacker"
    assert browser.at.session_of([f"{cookies.SESSION}=chosen-by-the-attacker"]) is None


def test_signing_in_again_ends_the_session_before():
    with console() as (sign_in, _):
        browser = Browser(sign_in)
        browser.sign_in()
        stolen = browser.sent
        browser.sign_in()

        assert sign_in.session_of(stolen) is None
        assert browser.session() is not None


def test_a_tossed_cookie_beside_the_real_one():
    """A neighbour under the same domain sets one of the same name: none of the two counts."""
    with console() as (sign_in, _):
        attacker, victim = Browser(sign_in), Browser(sign_in)
        attacker.sign_in()
        victim.sign_in()

        assert sign_in.session_of([*attacker.sent, *victim.sent]) is None
        assert sign_in.session_of([*victim.sent, *attacker.sent]) is None


def tampered(browser, **changes):
    """Return the cookie of a sign-in with other values."""
    names = ["state", "nonce", "verifier", "return_to"]
    said = json.loads(base64.urlsafe_b64decode(browser.cookies[cookies.SIGN_IN]))
    values = [changes.get(name, value) for name, value in zip(names, said, strict=True)]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def test_a_tampered_cookie_leads_nowhere_else(begun):
    browser, query, _ = begun
    browser.cookies[cookies.SIGN_IN] = tampered(browser, return_to="https://evil.example")

    assert browser.finish(query) == "/"


@pytest.mark.parametrize("changes", [{"nonce": "n"}, {"verifier": "v" * 43}, {"state": 1}], ids=str)
def test_a_tampered_cookie_signs_nobody_in(begun, changes):
    browser, query, _ = begun
    browser.cookies[cookies.SIGN_IN] = tampered(browser, **changes)

    with pytest.raises(SignInError):
        browser.finish(query)


@pytest.mark.parametrize("text", ["", "e30=", "bnVsbA==", "!", "W" * 4000, "W10=" * 999], ids=len)
def test_a_broken_cookie_is_none(begun, text):
    browser, query, _ = begun
    browser.cookies[cookies.SIGN_IN] = text

    with pytest.raises(SignInError, match="not begun here"):
        browser.finish(query)


CLAIMS = {
    "of another issuer": {"iss": "https://evil.example"},
    "for another client": {"aud": "other"},
    "for two clients, ours not the one that asked": {"aud": ["console", "other"], "azp": "other"},
    "for two clients, without a word who asked": {"aud": ["console", "other"]},
    "for nobody": {"aud": None},
    "expired": {"exp": 1},
    "without an end": {"exp": None},
    "with an end that is not a time": {"exp": "9999999999"},
    "of tomorrow": {"iat": 99_999_999_999},
    "replayed": {"nonce": "of-another-sign-in"},
    "without a nonce": {"nonce": None},
    "of nobody": {"sub": ""},
    "of a number": {"sub": 1},
    "groups as text that holds a group": {"groups": "admins"},
    "groups as a map": {"groups": {"admins": True}},
    "groups of groups": {"groups": [["admins"]]},
    "a group that is spelt nearly so": {"groups": ["Admins", "admins ", "ADMINS"]},
    "another claim": {"groups": [], "cognito:groups": ["admins"], "roles": ["admins"]},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_a_token_that_is_not_for_us(begun, claims):
    browser, query, issuer = begun
    issuer.claims = claims

    with pytest.raises(SignInError):
        browser.finish(query)
    assert not browser.at.sessions.items


def test_a_person_s_groups_are_those_of_the_token_not_of_the_query():
    with console() as (sign_in, issuer):
        issuer.person = Person(groups=["readers"])
        browser = Browser(sign_in)
        browser.finish(browser.begin() | {"groups": "admins"})

        assert browser.session().groups == ("readers",)


ELSEWHERE = [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example",
    "/\t/evil.example",
    "/%0d%0aSet-Cookie:x=y\r\n", "javascript:alert(1)", "evil.example", "", "/ok\\..\\evil", "/é",
    "/sign-in", "/sign-in?return_to=/", "/sign-out", "/callback?code=1", "/callback/",
    "/" + "x" * 9_999,
]  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_sent_elsewhere(wanted):
    assert own_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/jobs/a?status=FAILED&x=%2F", "/runs#L5", "/jobs/a//b"])
def test_own_paths_stay(wanted):
    assert own_path(wanted) == wanted


SITES = {
    "own page": ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
    "own page, an older browser": ({"origin": ORIGIN}, True),
    "another site": ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False),
    "a neighbour": ({"origin": "https://x.console.example", "sec-fetch-site": "same-site"}, False),
    "another port": ({"origin": f"{ORIGIN}:444", "sec-fetch-site": "same-site"}, False),
    "without TLS": ({"origin": ORIGIN.replace("s:", ":"), "sec-fetch-site": "cross-site"}, False),
    "a longer name": ({"origin": f"{ORIGIN}.evil.example"}, False),
    "a sandboxed frame": ({"origin": "null", "sec-fetch-site": "cross-site"}, False),
    "typed by hand": ({"origin": ORIGIN, "sec-fetch-site": "none"}, False),
    "no word of where from": ({}, False),
    "origin alone is a lie": ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
}


@pytest.mark.parametrize(("headers", "is_ours"), SITES.values(), ids=SITES)
def test_what_changes_something_comes_from_our_page(headers, is_ours):
    assert is_same_origin(headers, ORIGIN) == is_ours


@pytest.mark.parametrize("token", ["", "x", form_token("another"), form_token("mine")[:-1], "é"])
def test_a_form_of_another_session(token):
    assert not is_form_token(token, "mine")
    assert is_form_token(form_token("mine"), "mine")
