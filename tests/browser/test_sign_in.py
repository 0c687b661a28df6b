"""Signing in at an issuer, in a browser: who may come in, and what each of them sees."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisioner.console.gate import Gate
from provisioner.console.http import request_of, to_gateway
from provisioner.console.issuer import Issuer
from provisioner.console.routes import ROUTES
from provisioner.console.same_origin import origin_of
from provisioner.console.sign_in import Groups, SignIn
from provisioner.service import audit
from provisioner.service.caller import Caller, Role
from tests.support.browser import expect, tab
from tests.support.console import served
from tests.support.oidc import CLIENT_ID, Person, oidc_issuer
from tests.support.sign_in import ROLES, FakeSessions

pytestmark = pytest.mark.browser

JOB = "billing-export"
READER, WRITER = Person("u-2", "rae@example.com", ["readers"]), Person(groups=["writers"])
STRANGER = Person("u-9", "eve@example.com", ["guests"])


class Entrance:
    """A console of the bootstrap with a sign-in, which `issuer` decides about."""

    def __init__(self, world, issuer):
        self.issuer = issuer
        self.sessions = FakeSessions()
        self._world = world
        self._client = Issuer(issuer.url, CLIENT_ID)

    def handle(self, event):
        request = request_of(event)
        groups = Groups("groups", dict(ROLES))
        sign_in = SignIn(origin_of(request.host), self._client, groups, self.sessions, _now)
        gate = Gate(sign_in)
        world = replace(self._world, before=gate.before, routes=(*gate.routes, *ROUTES))
        return to_gateway(request, world.answer(request))


def _now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def issuer():
    with oidc_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def entrance(world, issuer):
    return Entrance(world, issuer)


@pytest.fixture(scope="module")
def console(entrance):
    with served(entrance.handle) as address:
        yield address


def test_who_is_signed_out_sees_nothing(browser, console, issuer):
    issuer.asks = True
    with tab(browser, console) as page:
        for address in ("/", "/jobs", f"/jobs/{JOB}", "/audit", f"/jobs/{JOB}/edit"):
            page.goto(address)
            assert page.url.startswith(f"{issuer.url}/authorize?"), address
            assert "code_challenge_method=S256" in page.url

        asked = page.request.get("/jobs", headers={"HX-Request": "true"}, max_redirects=0)
        assert (asked.status, asked.text()) == (401, "")
        changed = page.request.post(f"/jobs/{JOB}/delete", max_redirects=0)
        assert (changed.status, changed.text()) == (303, "")
    issuer.asks = False


def test_a_person_comes_back_to_the_page_and_leaves_for_good(
    browser, console, entrance, issuer, world
):
    issuer.person = WRITER
    with tab(browser, console) as page:
        page.goto(f"/jobs/{JOB}?from=a+link")
        assert page.url == f"{console}/jobs/{JOB}?from=a+link"
        expect(page.get_by_role("heading", name=JOB, exact=True)).to_be_visible()
        (cookie,) = page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["secure"]) == (
            "__Host-session",
            True,
            True,
        )
        assert cookie["value"] not in entrance.sessions.items
        assert page.evaluate("document.cookie + JSON.stringify({...localStorage})") == "{}"

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading")).to_have_text("You are signed out.")
        assert entrance.sessions.items == {}
        page.context.add_cookies([cookie])  # whoever has copied it
        issuer.person = STRANGER
        assert page.goto("/jobs").status == 403

    entries = audit.page(world.service(Caller("-", "console", Role.READ)), 5).entries
    who = f"{issuer.url}#ada@example.com"
    assert {(each.action, each.by, each.proven) for each in entries} >= {
        ("sign_in", who, True),
        ("sign_out", who, True),
    }


def test_a_stranger_learns_why_and_sees_nothing(browser, console, issuer):
    issuer.person = STRANGER
    with tab(browser, console) as page:
        answer = page.goto("/jobs")

        assert answer.status == 403
        expect(page.get_by_role("heading")).to_contain_text("belongs to no group")
        expect(page.locator("body")).not_to_contain_text(JOB)


def test_a_reader_sees_no_button_and_gets_403(browser, console, issuer):
    issuer.person = READER
    with tab(browser, console) as page:
        page.goto(f"/jobs/{JOB}")
        expect(page.locator(".caller")).to_have_text("read")
        links = page.eval_on_selector_all("main a.button", "all => all.map(a => a.textContent)")
        assert links == ["Versions", "Audit"]
        assert page.locator("main button:not([data-copy])").count() == 0
        assert "s3cr3t" not in page.content()

        for what in ("edit", "run", "pause", "delete", "backfill"):
            assert page.goto(f"/jobs/{JOB}/{what}").status == 403, what
        token = page.locator("[name=csrf]").first.get_attribute("value")
        sent = {"Origin": console, "Content-Type": "application/x-www-form-urlencoded"}
        answer = page.request.post(
            f"/jobs/{JOB}/delete", headers=sent, data=f"csrf={token}&name={JOB}", max_redirects=0
        )
        assert answer.status == 403
        assert "needs the role write; yours is read" in answer.text().replace("&quot;", '"')


def test_an_open_page_of_a_session_that_was_revoked_goes_to_the_sign_in(
    browser, console, entrance, issuer
):
    issuer.person = WRITER
    with tab(browser, console) as page:
        page.goto("/jobs")
        entrance.sessions.items.clear()
        issuer.person = STRANGER
        page.locator("h1").click()
        page.keyboard.press("r")

        page.wait_for_url(re.compile("/callback"))
        expect(page.get_by_role("heading")).to_contain_text("belongs to no group")


def describe(text, words):
    """Return a row's text with a description."""
    return json.dumps(json.loads(text) | {"description": words}, indent=2)


def test_a_draft_outlives_its_session(browser, console, entrance, issuer, world):
    issuer.person = WRITER
    with tab(browser, console) as page:
        page.goto(f"/jobs/{JOB}/edit")
        entrance.sessions.items.clear()
        text = page.locator("textarea[name=row]").input_value()
        page.get_by_role("textbox", name="The row, as JSON").focus()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(describe(text, "written in two sessions"))
        said = page.locator(".freshness")
        expect(said).to_contain_text("Not checked: your session has ended.")

        with page.context.expect_page() as opened:
            said.get_by_role("link", name="Sign in").click()
        expect(opened.value.get_by_role("heading")).to_contain_text("You may close this tab")
        opened.value.close()
        page.bring_to_front()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.get_by_text("1 attribute changes").wait_for()
        expect(said).to_be_empty()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(f"**/jobs/{JOB}")
    assert world.provisioner.row(JOB)["description"] == "written in two sessions"


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_what_was_saved_too_late_is_sent_again(browser, console, entrance, issuer, world, scripts):
    issuer.person = WRITER
    words = f"sent again, {scripts}"
    with tab(browser, console, java_script_enabled=scripts) as page:
        page.goto(f"/jobs/{JOB}/edit")
        if scripts:
            page.route("**/edit", lambda each: each.abort() if is_typed(each) else each.continue_())
            page.get_by_role("textbox", name="The row, as JSON").focus()
            text = page.locator("textarea[name=row]").input_value()
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(describe(text, words))
        else:
            area = page.locator("textarea[name=row]")
            area.fill(describe(area.input_value(), words))
        entrance.sessions.items.clear()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading")).to_have_text("401 Unauthorized")

        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Sign in").click()
        expect(opened.value.get_by_role("heading")).to_contain_text("You may close this tab")
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_role("heading")).to_have_text("403 Forbidden")
        page.get_by_role("button", name="Send again").click()
        page.wait_for_url(f"**/jobs/{JOB}")
    assert world.provisioner.row(JOB)["description"] == words


def is_typed(route):
    return route.request.resource_type == "fetch"


def test_a_filter_that_is_chosen_after_the_session_leads_through_the_sign_in(
    browser, console, entrance, issuer
):
    issuer.person = WRITER
    with tab(browser, console) as page:
        page.goto("/jobs")
        entrance.sessions.items.clear()
        page.get_by_label("Name begins with").fill("bill")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url(f"{console}/jobs?prefix=bill*")
        expect(page.get_by_role("link", name=JOB)).to_be_visible()
