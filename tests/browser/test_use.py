"""The console as people use it: live, by keyboard, without JavaScript, and with a long log."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from provisioner.runs.model import iso
from tests.support.browser import expect, tab
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import NOW, more_lines, put_log
from tests.support.drawn import whole
from tests.support.long_log import long_log

pytestmark = pytest.mark.browser


@pytest.mark.usefixtures("world")
def test_a_list_is_live_and_what_somebody_types_stays(browser, console):
    with tab(browser, console) as page:
        statuses = []
        page.on(
            "response",
            lambda each: statuses.append(each.status) if is_ours(each.request) else None,
        )
        page.goto("/runs")
        field = page.get_by_role("searchbox", name="Job")
        field.press_sequentially("typ")
        with page.expect_response(lambda each: each.status == 304):
            pass
        put_run("fraud-score", "fresh-run", "SUCCEEDED", started_at=NOW)

        expect(page.get_by_role("link", name="fresh-run")).to_be_visible()
        field.press_sequentially("ing")
        expect(field).to_have_value("typing")
        expect(field).to_be_focused()
        assert {200, 304} <= set(statuses)


def is_ours(request):
    """Tell whether a script asked, and not the browser for a picture or a page."""
    return request.resource_type == "fetch"


def test_nobody_is_asked_while_the_tab_is_hidden(browser, console):
    with tab(browser, console) as page:
        page.clock.install()
        page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => true})")
        asked = []
        page.goto("/jobs")
        page.on("request", lambda each: asked.append(each.url) if is_ours(each) else None)
        page.clock.run_for(60_000)

        assert asked == []


def test_by_keyboard_alone(browser, console):
    with tab(browser, console) as page:
        page.goto("/")
        page.keyboard.press("Control+k")
        page.keyboard.type("ledg")
        expect(page.locator("#palette").get_by_text("ledger-close")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{console}/jobs/ledger-close")

        page.goto("/jobs")
        page.keyboard.press("/")
        page.keyboard.type("jj?")
        expect(page.get_by_role("searchbox")).to_have_value("jj?")
        page.keyboard.press("Escape")
        page.get_by_role("heading", name="Jobs").click()
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("o")
        expect(page).to_have_url(f"{console}/jobs/catalog-sync")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("These keys")


def test_every_page_is_in_the_palette(browser, console):
    with tab(browser, console) as page:
        page.goto("/jobs")
        for typed, path in (
            ("au", "/audit"),
            ("dead", "/dead-letters"),
            ("bulk", "/bulk-actions"),
            ("upg", "/upgrade"),
        ):
            page.keyboard.press("Control+k")
            page.keyboard.type(typed)
            expect(page.locator("#palette li").first).to_contain_text(
                re.compile(f"^{typed}", re.IGNORECASE)
            )
            page.keyboard.press("Enter")
            expect(page).to_have_url(f"{console}{path}")


def test_a_key_reaches_what_a_pointer_sees_of_a_time(browser, console):
    with tab(browser, console) as page:
        page.goto("/runs")
        time = page.locator("tr[data-row] time").first
        shown = "each => getComputedStyle(each, '::after').content"
        expect(time).to_have_attribute("title", re.compile("UTC"))
        assert time.evaluate(shown) == "none"
        page.keyboard.press("j")
        assert time.get_attribute("title").split("\n")[0] in time.evaluate(shown)


def test_a_job_is_copied(browser, console):
    with tab(browser, console) as page:
        page.goto("/jobs/billing-export")
        page.get_by_role("link", name="Copy job").click()
        expect(page.locator("textarea[name=row]")).to_have_value(re.compile("billing-export-copy"))


def test_what_is_below_the_fold_comes_by_itself(browser, console):
    with tab(browser, console) as page:
        page.goto("/")
        expect(page.get_by_role("link", name="jobs failed to deploy")).to_be_visible()
        expect(page.locator('[data-lane="fraud-score"] .ghost')).to_have_count(1)

        page.goto("/jobs/billing-export")
        page.locator("#more").scroll_into_view_if_needed()
        expect(page.get_by_text("No cost yet")).to_be_visible()


def test_a_span_of_time_is_typed_in_the_chosen_zone_and_kept_in_utc(browser, console):
    with tab(browser, console, timezone_id="Asia/Tokyo") as page:
        page.goto("/runs?since=2026-11-26T08:00Z")
        since, until = page.locator("input[name=since]"), page.locator("input[name=until]")
        expect(page.get_by_label("From, Asia/Tokyo")).to_have_value("2026-11-26T17:00")
        until.fill("2026-11-26T18:30")
        page.get_by_role("button", name="Show").click()

        expect(page).to_have_url(re.compile(r"since=2026-11-26T08%3A00Z&until=2026-11-26T09%3A30Z"))
        expect(page.locator("p.cli code")).to_contain_text("--until 2026-11-26T09:30:00Z")
        expect(until).to_have_value("2026-11-26T18:30")
        page.get_by_label("Times").select_option("utc")
        expect(page.get_by_label("Before, UTC")).to_have_value("2026-11-26T09:30")
        expect(since).to_have_value("2026-11-26T08:00")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile(r"since=2026-11-26T08%3A00Z&until=2026-11-26T09%3A30Z"))

        page.goto("/runs?since=now")
        expect(since).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("is not a time like").first).to_be_visible()

    with tab(browser, console, java_script_enabled=False, timezone_id="Asia/Tokyo") as page:
        page.goto("/runs")
        page.get_by_label("From, UTC").fill("2026-11-26T08:00")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile("since=2026-11-26T08%3A00&"))
        expect(page.get_by_label("From, UTC")).to_have_value("2026-11-26T08:00")


SECONDS = "since=2026-10-25T00:30:15Z&until=2026-10-25T01:30:00Z"


@pytest.mark.parametrize("page_of", ["runs", "audit"])
def test_a_span_that_nobody_changes_is_kept_to_the_second(browser, console, page_of):
    with tab(browser, console, timezone_id="Europe/Berlin") as page:
        page.goto(f"/{page_of}?{SECONDS}")
        since, until = page.locator("input[name=since]"), page.locator("input[name=until]")
        expect(since).to_have_value("2026-10-25T02:30:15")
        expect(until).to_have_value("2026-10-25T02:30")  # an hour later: the clocks go back
        page.get_by_role("button", name="Show").click()
        asked = re.compile(r"since=2026-10-25T00%3A30%3A15Z&until=2026-10-25T01%3A30Z")
        expect(page).to_have_url(asked)

        until.fill("2026-10-25T04:00")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile("15Z&until=2026-10-25T03%3A00Z"))

    with tab(browser, console, java_script_enabled=False) as page:
        page.goto(f"/{page_of}?{SECONDS}")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(
            re.compile("since=2026-10-25T00%3A30%3A15&until=2026-10-25T01%3A30")
        )


def test_times_are_in_the_zone_that_was_chosen(browser, console):
    with tab(browser, console, timezone_id="Asia/Tokyo") as page:
        page.goto("/jobs/billing-export")
        page.get_by_label("Times").select_option("mine")
        started = page.locator("table.runs time").first
        expect(started).to_contain_text("GMT+9")

        page.goto("/runs")
        expect(page.locator("table.runs time").first).to_contain_text("GMT+9")
        page.get_by_label("Times").select_option("utc")
        expect(page.locator("table.runs time").first).to_contain_text("UTC")
        page.keyboard.press("Escape")
        page.get_by_role("heading", name="Runs").click()
        page.keyboard.press("t")
        expect(page.get_by_label("Times")).to_have_value("relative")
        expect(page.locator("table.runs time").first).to_contain_text("ago")

        page.locator("table.runs th a").first.click()
        expect(page.locator(".facts time").first).to_have_text(
            re.compile(r"^\d\d \w{3} \d\d:\d\d:\d\d GMT\+9 · .* ago$")
        )


def test_without_javascript(browser, console):
    with tab(browser, console, java_script_enabled=False) as page:
        page.goto("/")
        page.get_by_role("link", name="Jobs", exact=True).click()
        page.get_by_label("Name begins with").fill("bill")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="billing-export").click()
        page.locator("table.runs th a").first.click()
        expect(page.get_by_role("heading", name="Input")).to_be_visible()
        page.go_back()
        page.go_back()
        expect(page.get_by_label("Name begins with")).to_have_value("bill")


@pytest.fixture(scope="module")
def running_log(world):  # noqa: ARG001  (it is made first)
    """The address of the log of a run that goes on, with 1,500 lines so far."""
    lines = [(n * 10, f"line {n}" if n % 100 else f"ERROR {n}") for n in range(1, 1501)]
    began = NOW - timedelta(seconds=41)
    put_log("daily-report", began, lines)
    return f"/jobs/daily-report/runs/manual-094136/log?at={iso(began)}"


def test_a_log_goes_back_and_on(browser, console, running_log):
    with tab(browser, console, viewport={"width": 1280, "height": 800}) as page:
        page.goto(running_log)
        lines = page.locator(".chunk li")
        expect(lines).to_have_count(1000)
        expect(lines.last).to_be_in_viewport()

        page.get_by_role("link", name="Earlier lines").click()
        expect(lines).to_have_count(1500)
        expect(lines.first).to_have_text(re.compile("line 1$"))
        more_lines("daily-report", NOW, ["printed later"])
        expect(lines.last).to_have_text(re.compile("printed later"))

        page.get_by_label("errors only").check()
        expect(page.locator(".chunk li:visible").first).to_contain_text("ERROR")
        assert page.locator(".chunk li:visible").count() == 15
        expect(page).to_have_url(re.compile("level=error"))
        page.reload()
        expect(page.get_by_label("errors only")).to_be_checked()


@pytest.fixture(scope="module")
def old_line(browser, console, running_log):
    """Return the link of a line that is none of the last thousand."""
    with tab(browser, console) as page:
        page.goto(running_log)
        page.get_by_role("link", name="Earlier lines").click()
        line = page.locator(".chunk li", has_text=re.compile("line 101$")).locator("a")
        line.click()
        assert "line=L" in page.url
        return page.url


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_link_to_an_old_line_shows_it(browser, console, old_line, scripts):
    anchor = old_line.partition("#")[2]
    with tab(browser, console, java_script_enabled=scripts) as page:
        page.goto(old_line)
        target = page.locator(f"[id='{anchor}']")
        expect(target).to_have_text(re.compile("line 101$"))
        expect(target).to_be_in_viewport()
        if scripts:  # one without the time, as it was copied once
            page.goto(re.sub("line=[^&#]*", "", old_line))
            page.wait_for_url(re.compile("line=L"))
            expect(target).to_be_in_viewport()


def test_a_line_is_linked_to_by_keyboard(browser, console, running_log):
    with tab(browser, console) as page:
        page.goto(running_log)
        last = page.locator(".chunk li:visible").last
        expect(last).to_be_in_viewport()
        page.keyboard.press("k")
        expect(last.locator("a")).to_be_focused()
        page.keyboard.press("k")
        page.keyboard.press("o")
        anchor = page.locator(".chunk li:visible").nth(-2).get_attribute("id")
        expect(page).to_have_url(re.compile(re.escape(f"line={anchor}#{anchor}")))


def test_the_end_of_a_run_is_seen_on_the_page_of_its_log(browser, console, world):
    began = NOW - timedelta(minutes=2)
    put_run("usage-meter", "ends", "RUNNING", started_at=began)
    CLIENTS.logs.create_log_group(logGroupName="/jobs/usage-meter")
    world.provisioner.save("usage-meter", outputs={"LogGroup": "/jobs/usage-meter"})
    with tab(browser, console) as page:
        page.goto(f"/jobs/usage-meter/runs/ends/log?at={iso(began)}")
        expect(page.locator(".title .status")).to_have_text("running")
        ended = iso(NOW)
        put_run("usage-meter", "ends", "FAILED", started_at=began, ended_at=ended, error="E")
        expect(page.locator(".title .status")).to_have_text("failed")
        expect(page.get_by_text("The end of the log")).to_be_visible()


def test_lines_come_while_somebody_types_and_selects(browser, console, running_log):
    with tab(browser, console, viewport={"width": 1280, "height": 800}) as page:
        loads = []
        page.on("load", lambda _: loads.append(1))
        page.goto(running_log)
        lines = page.locator(".chunk li")
        page.evaluate(SELECT_THE_TITLE)
        more_lines("daily-report", NOW, ["came while reading"])
        expect(lines.last).to_have_text(re.compile("came while reading"))
        assert page.evaluate("getSelection().toString()") == "Log"

        field = page.get_by_label("Only lines with this text")
        field.press_sequentially("came wh")
        more_lines("daily-report", NOW, ["came while typing", "came, too"])
        expect(lines.last).to_have_text(re.compile("came, too"))
        field.press_sequentially("ile t")
        expect(field).to_have_value("came while t")
        expect(field).to_be_focused()
        expect(page.locator(".chunk li:visible")).to_have_text([re.compile("came while typing")])
        assert len(loads) == 1


SELECT_THE_TITLE = "getSelection().selectAllChildren(document.querySelector('h1'))"


def test_a_log_is_not_followed_while_its_tab_is_hidden(browser, console, running_log):
    with tab(browser, console) as page:
        page.clock.install()
        page.add_init_script(HIDES)
        asked = []
        page.goto(running_log)
        page.on("request", lambda each: asked.append(each.url) if is_ours(each) else None)
        page.evaluate("isHidden = true")
        page.clock.run_for(60_000)
        assert asked == []

        with page.expect_request(lambda each: "part=newer" in each.url):
            page.evaluate("isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")


HIDES = """
window.isHidden = false;
Object.defineProperty(document, 'hidden', {get: () => window.isHidden});
"""


CLOCKS = "() => [...document.querySelectorAll('.chunk li > a')].map(each => each.textContent)"


NOTHING_KEPT = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("The browser keeps nothing for this site", "SecurityError"); },
});"""


@pytest.mark.usefixtures("world")
def test_a_browser_that_keeps_nothing_forgets_choices_and_no_more(browser, console):
    with tab(browser, console, timezone_id="Asia/Tokyo") as page:
        page.add_init_script(NOTHING_KEPT)
        page.goto("/jobs/fraud-score/edit")
        page.get_by_label("Times").select_option("utc")
        page.get_by_label("Format").select_option("YAML")
        expect(page.get_by_role("textbox", name="The row, as YAML")).to_be_visible()
        expect(page.get_by_label("Format")).to_have_value("yaml")

        page.reload()
        expect(page.get_by_label("Format")).to_have_value("json")
        expect(page.get_by_label("Times")).to_have_value("relative")


def test_lines_of_a_log_are_in_the_zone_that_was_chosen(browser, console, running_log):
    def in_zone(zone):
        expect(page.locator("[data-log-zone]")).to_have_text(zone)
        times = page.evaluate(CLOCKS)
        last = NOW.astimezone(ZoneInfo(zone)) - timedelta(seconds=41 - 15)
        assert last.strftime("%H:%M:%S.000") in times
        assert times == sorted(times)

    with tab(browser, console, timezone_id="Asia/Kabul") as page:
        page.goto(running_log)
        in_zone("Asia/Kabul")
        page.get_by_role("link", name="Earlier lines").click()
        expect(page.get_by_text("The beginning of the log")).to_be_visible()
        in_zone("Asia/Kabul")
        page.get_by_role("heading", name="Log").click()
        for zone in ("Asia/Kabul", "Europe/Berlin", "UTC"):  # mine, the job's, UTC
            page.keyboard.press("t")
            in_zone(zone)
    with tab(browser, console, java_script_enabled=False, timezone_id="Asia/Kabul") as page:
        page.goto(running_log)
        expect(page.locator("[data-log-zone]")).to_have_text("UTC")
        at = NOW - timedelta(seconds=41 - 15)
        expect(page.get_by_role("link", name=f"{at:%H:%M:%S}.000").first).to_be_visible()


def test_a_long_log_is_searched_whole_and_linked_to(browser, console, world):
    lines = 50_000 if whole() else 5_000
    with tab(browser, console, timezone_id="Asia/Kabul") as page:
        html = long_log(world, lines)
        page.route("**/long", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto("/long")

        assert page.locator(".chunk li").count() == lines
        assert page.evaluate(f"window.find('partition {lines - 7} of')")
        page.get_by_label("Times").select_option("utc")
        expect(page.locator(".chunk li > a").first).to_have_text("08:42:17.000")
        anchor = page.locator(".chunk li").nth(lines // 2).get_attribute("id")
        page.evaluate("id => { location.hash = id }", anchor)
        expect(page.locator(f"[id='{anchor}']")).to_be_in_viewport()
