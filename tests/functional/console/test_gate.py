"""Who gets to see a page: nobody who is not signed in, and each role what it may do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.audit.entries import Outcome
from provisioner.console import loopback
from provisioner.console.app import App
from provisioner.console.gate import Gate
from provisioner.console.http import Request
from provisioner.console.writing import WRITING
from provisioner.runs.model import iso
from provisioner.service import audit
from provisioner.service.rights import NEEDED
from provisioner.sessions import IDLE
from tests.support import sign_in as support
from tests.support.cli import NOW
from tests.support.clients import CLIENTS
from tests.support.forms import Browser
from tests.support.oidc import Person
from tests.support.rows import ROW

PARTS = {"job": "report", "run": "one", "bulk": "x", "version": "1"}


class SignedIn(Browser):
    """A browser with cookies, on a console with a sign-in."""

    host = "console.example"

    def __init__(self, gate, service):
        self.gate = gate
        self.cookies = support.Browser(gate.sign_in)
        self.app = App((*gate.routes, *WRITING), gate.before, service, self.report)

    @staticmethod
    def report():
        raise  # noqa: PLE0704  (the error that is being handled)

    def sign_in(self, *groups):
        self.issuer.person = Person(groups=list(groups))
        self.cookies.sign_in("/")

    def _ask(self, method, address, headers, body=b""):
        own = {"cookie": "; ".join(self.cookies.sent), "origin": f"https://{self.host}"}
        if method == "GET":
            del own["origin"]
        response = super()._ask(method, address, {**own, **headers}, body)
        for header in response.cookies:
            pair, *attributes = header.split("; ")
            name, _, value = pair.partition("=")
            self.cookies.cookies[name] = value
            if "Max-Age=0" in attributes:
                del self.cookies.cookies[name]
        return response

    def post(self, address, fields, **headers):
        headers = {"origin": f"https://{self.host}", **headers}
        return super().post(address, fields, **headers)


@pytest.fixture
def browser(here):
    here.jobs.put(ROW | {"schedule": "rate(1 hour)"})

    def service(caller):
        return replace(here.service, caller=lambda: caller)

    with support.console() as (sign_in, issuer):
        browser = SignedIn(Gate(sign_in), service)
        browser.issuer = issuer
        yield browser


def addresses():
    return [(route, route.pattern.format(**PARTS)) for route in WRITING]


@pytest.mark.parametrize(
    ("route", "address"), addresses(), ids=lambda each: getattr(each, "method", each)
)
def test_a_signed_out_person_sees_nothing_but_the_way_in(browser, here, route, address):
    before = here.row()

    if route.method == "GET":
        answer = browser.get(address)
        assert answer.response.headers["Location"].startswith("/sign-in?return_to=%2F")
        assert (answer.status, answer.html) == (303, "")
    else:
        answer = browser.post(address, [["name", "report"], ["do", "save"], ["csrf", "x"]])
        assert answer.status == 401
        assert ROW["handler"] not in answer.html
        assert answer.form.action == address
        assert sent_by(answer) == {"name": "report", "do": "save", "csrf": ""}

    assert here.row() == before


def sent_by(page):
    """Return a form's fields as a browser sends them."""
    return {name: re.sub("\r?\n", "\r\n", value) for name, value in page.form.fields}


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"origin": "null"}])
def test_what_another_site_has_sent_is_not_kept_for_later(browser, headers):
    """A browser sends it without our cookies, so it comes as if nobody was signed in."""
    answer = browser.post("/jobs/report/delete", [["name", "report"]], **headers)

    assert (answer.status, answer.html) == (303, "")
    assert answer.response.headers["Location"] == "/sign-in"


def edited(browser):
    page = browser.get("/jobs/report/edit")
    row = json.loads(page.form["row"]) | {"description": 'a "quoted" <b> one'}
    return page.form.set(row=json.dumps(row, indent=1)) and page


def end_session(browser):
    browser.gate.sign_in.sessions.items.clear()


def test_a_row_that_is_saved_after_its_session_has_ended_is_saved_in_the_next(browser, here):
    browser.sign_in("admins")
    page, before = edited(browser), here.row()
    end_session(browser)

    held = browser.press(page, "save")
    assert (held.status, here.row()) == (401, before)
    assert sent_by(held) == {**sent_by(page), "do": "save", "csrf": ""}
    assert "/sign-in?return_to=/signed-in" in held.links
    assert browser.press(held).status == 401  # as often as one likes

    browser.sign_in("admins")
    asked = browser.press(held)
    assert (asked.status, here.row()) == (403, before)
    assert sent_by(asked).pop("csrf")
    assert browser.press(asked).response.headers["Location"] == "/jobs/report"
    assert here.row()["description"] == 'a "quoted" <b> one'


def test_a_row_is_saved_by_a_page_that_is_older_than_the_session(browser, here):
    browser.sign_in("admins")
    page = edited(browser)
    browser.sign_in("admins")

    assert browser.press(browser.press(page, "save")).status == 303
    assert here.row()["description"] == 'a "quoted" <b> one'


def test_whoever_types_stays_there_when_the_session_ends_and_continues_in_the_next(browser):
    browser.sign_in("admins")
    page = edited(browser)
    end_session(browser)

    ended = browser.press(page, "plan", hx_request="true")
    assert (ended.status, "HX-Redirect" in ended.response.headers) == (401, False)

    browser.sign_in("admins")
    refused = browser.press(page, "plan", hx_request="true")
    assert refused.status == 403
    page.form.set(csrf=refused.response.headers["Form-Token"])
    assert browser.press(page, "plan", hx_request="true").status == 200


def test_a_form_of_ours_that_is_sent_too_late_leads_to_the_sign_in_by_a_page(browser):
    """Chromium follows no redirect from a form to another site: the policy says `form-action`."""
    answer = browser.get("/jobs/report/run?view=json", sec_fetch_site="same-origin")

    assert (answer.status, "Location" in answer.response.headers) == (401, False)
    [there] = [has["content"] for tag, has in answer.elements if has.get("http-equiv") == "refresh"]
    assert there == f"0; url={answer.links[0]}"
    assert answer.links == ["/sign-in?return_to=%2Fjobs%2Freport%2Frun%3Fview%3Djson"]


def test_the_other_tab_says_that_one_may_go_back(browser):
    page = browser.get("/signed-in")

    assert (page.status, "continue in the other one" in page.text, page.links) == (200, True, [])


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("https://console.example/jobs/report?x=1#y", "/jobs/report?x=1"),
        ("https://console.example/", "/"),
        ("https://evil.example//evil.example/", "/"),
        ("", "/"),
        ("x" * 3_000, "/"),
    ],
)
def test_a_part_of_a_page_leads_back_to_the_page(browser, page, back):
    answer = browser.get("/jobs/report/audit", hx_request="true", hx_current_url=page)
    begun = browser.get(answer.response.headers["HX-Redirect"])
    done = support.redirect_of(begun.response.headers["Location"]).removeprefix(support.ORIGIN)

    assert browser.get(done).response.headers["Location"] == back


def test_signing_in_leads_to_the_page_that_was_asked_for(browser):
    asked = browser.get("/jobs/report/run?view=json")
    begun = browser.follow(asked)
    assert begun.response.headers["Location"].startswith(f"{browser.issuer.url}/authorize?")

    answer = support.redirect_of(begun.response.headers["Location"])
    done = browser.get(answer.removeprefix(support.ORIGIN))

    assert done.response.headers["Location"] == "/jobs/report/run?view=json"
    assert "Run report" in browser.follow(done).text


@pytest.mark.parametrize("group", support.ROLES)
@pytest.mark.parametrize(
    ("route", "address"), addresses(), ids=lambda each: getattr(each, "method", each)
)
def test_the_role_of_each_page(browser, route, address, group):
    browser.sign_in(group)
    may = support.ROLES[group].includes(NEEDED[route.action])

    if route.method == "GET":
        status = browser.get(address).status
    else:
        token = browser.app.before(_request(browser)).csrf
        status = browser.post(address, [["csrf", token]]).status

    assert (status == 403) == (not may)


def _request(browser):
    return Request("GET", "/", cookies=tuple(browser.cookies.sent))


CROSS = {
    "another site": {"origin": "https://evil.example"},
    "a sandboxed frame": {"origin": "null"},
    "another site, by its own word": {"sec_fetch_site": "cross-site"},
    "a neighbour": {"sec_fetch_site": "same-site"},
}


@pytest.mark.parametrize("headers", CROSS.values(), ids=CROSS)
def test_a_page_of_another_site_changes_nothing(browser, here, headers):
    browser.sign_in("admins")
    page = browser.get("/jobs/report/delete")
    page.form.set(name="report")

    assert browser.press(page, **headers).status == 403
    assert here.row() != {}


@pytest.mark.parametrize("token", ["", "x" * 64])
def test_a_form_without_its_token_changes_nothing(browser, here, token):
    browser.sign_in("admins")
    page = browser.get("/jobs/report/delete")
    page.form.set(name="report", csrf=token)

    assert browser.press(page).status == 403
    assert here.row() != {}


def test_a_form_of_a_session_before_changes_nothing(browser, here):
    browser.sign_in("admins")
    page = browser.get("/jobs/report/delete")
    page.form.set(name="report")
    browser.sign_in("admins")

    assert browser.press(page).status == 403
    assert here.row() != {}


def test_signing_out(browser, here):
    browser.sign_in("admins")
    token = browser.app.before(_request(browser)).csrf

    assert browser.post("/sign-out", []).status == 403
    gone = browser.post("/sign-out", [["csrf", token]])

    assert gone.response.headers["Location"] == "/sign-in?signed-out=1"
    assert "You are signed out." in browser.follow(gone).text
    assert browser.get("/jobs/report/run").status == 303
    assert browser.post("/sign-out", []).status == 303
    (entry,) = entries(here)
    assert (entry.action, entry.outcome, entry.proven) == ("sign_out", Outcome.DONE, True)
    assert entry.by.endswith("#ada@example.com")


def test_signing_out_without_an_audit(browser):
    browser.sign_in("admins")
    token = browser.app.before(_request(browser)).csrf
    CLIENTS.dynamodb.delete_table(TableName="jobs-Audit")

    assert browser.post("/sign-out", [["csrf", token]]).status == 303
    assert browser.get("/jobs/report/run").status == 303


def entries(here):
    return audit.page(here.service, 100).entries


def test_what_a_role_does_not_allow_is_one_entry_an_hour(browser, here):
    here_and_now = browser.app.service
    browser.app = replace(browser.app, service=at(here_and_now, NOW))
    browser.sign_in("readers")
    for address in ("/jobs/report/delete", "/jobs/a/delete", "/jobs/b/delete", "/jobs/b/edit"):
        assert browser.get(address).status == 403

    found = {each.action: each for each in entries(here)}
    assert found.keys() == {"delete_row", "update_row"}
    assert len(entries(here)) == 2
    refused = found["delete_row"]
    assert (refused.outcome, refused.detail) == (Outcome.REFUSED, "GET /jobs/b/delete")
    assert refused.reason == '"delete_row" needs the role write; yours is read'
    assert refused.proven
    assert refused.ended_at == iso(NOW)

    later = NOW + timedelta(hours=1)
    browser.app = replace(browser.app, service=at(here_and_now, later))
    assert browser.get("/jobs/report/delete").status == 403
    assert len(entries(here)) == 3


def at(service, now):
    return lambda caller: replace(service(caller), clock=lambda: now)


def test_a_refusal_says_so_without_an_audit(browser):
    browser.sign_in("readers")
    CLIENTS.dynamodb.delete_table(TableName="jobs-Audit")

    assert browser.get("/jobs/report/delete").status == 403


def test_what_may_be_done_leaves_no_refusal(browser, here):
    browser.sign_in("readers")
    assert browser.get("/audit").status == 200
    browser.sign_in("admins")
    page = browser.get("/jobs/report/delete")
    page.form.set(name="wrong")
    browser.press(page)

    assert entries(here) == ()


def test_a_poll_of_somebody_who_is_signed_out_sends_the_page_to_sign_in(browser):
    answer = browser.get("/jobs/report/run", hx_request="true")

    assert answer.status == 401
    assert answer.response.headers["HX-Redirect"].startswith("/sign-in?")


def test_what_went_wrong_is_said_and_is_text(browser):
    browser.issuer.person = Person(groups=["others"], email="<script>alert(1)</script>@x")
    begun = browser.get("/sign-in")
    answer = support.redirect_of(begun.response.headers["Location"])

    page = browser.get(answer.removeprefix(support.ORIGIN))

    assert page.status == 403
    assert "belongs to no group" in page.text
    assert "script" not in [tag for tag, _ in page.elements]


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("http://127.0.0.1:1", 503, "does not answer as one: try again"),
        ("http://issuer.example", 403, "You are not signed in: the issuer"),
    ],
    ids=["out of order", "without TLS"],
)
def test_a_sign_in_that_cannot_begin_says_why(browser, url, status, said):
    browser.gate.sign_in.issuer.url = url

    page = browser.get("/sign-in")

    assert page.status == status
    assert said in page.text


def test_without_a_sign_in_only_this_machine_is_served(browser):
    app = App(WRITING, loopback.before, browser.app.service, browser.report)
    browser.app = app

    assert browser.get("/jobs/report/run").status == 403
    browser.host = "abc.execute-api.localhost:4566"
    assert browser.get("/jobs/report/run").status == 200


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(browser):
    browser.sign_in("admins")
    clock = browser.gate.sign_in.clock
    for _ in range(3):
        clock.now += IDLE / 3
        answer = browser.get("/jobs/report/run", hx_request="true")

    assert answer.status == 401


def test_whoever_types_is_still_there(browser):
    browser.sign_in("admins")
    clock = browser.gate.sign_in.clock
    page = browser.get("/jobs/report/edit")
    for _ in range(3):
        clock.now += IDLE / 2
        assert browser.press(page, "plan", hx_request="true").status == 200
