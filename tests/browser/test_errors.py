"""A page that gets an error when it asks by itself keeps what is there, says so, and goes on."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from provisioner.runs.model import iso
from tests.support.browser import expect, tab
from tests.support.cli import put_run
from tests.support.console_world import NOW, more_lines, put_log
from tests.support.rows import ROW

pytestmark = pytest.mark.browser

STATUSES = (429, 500, 503)


def refuse(page, statuses):
    """Answer with these statuses, one after the other, to what a script asks; then as it is."""
    remaining = list(statuses)

    def answer(route):
        if route.request.resource_type == "fetch" and remaining:
            body = "<h1>Service Unavailable</h1>"
            route.fulfill(status=remaining.pop(0), body=body, content_type="text/html")
        else:
            route.continue_()

    page.route("**/*", answer)


def said(page):
    return page.locator(".freshness")


def test_a_list_keeps_its_lines_and_is_refreshed_later(browser, console, world):  # noqa: ARG001
    with tab(browser, console) as page:
        page.goto("/runs?job=fraud-score")
        lines = page.locator("tr[data-row]")
        count = lines.count()
        refuse(page, STATUSES)
        for status in STATUSES:
            page.keyboard.press("r")
            expect(said(page)).to_have_text(f"Not refreshed: the console answered {status}.")
            assert lines.count() == count
        put_run("fraud-score", "after-all", "SUCCEEDED", started_at=NOW)

        page.keyboard.press("r")
        expect(page.get_by_role("link", name="after-all")).to_be_visible()
        expect(said(page)).to_be_empty()


def test_a_log_is_followed_after_an_error(browser, console, world):  # noqa: ARG001
    began = NOW - timedelta(seconds=41)
    put_log("daily-report", began, [(n, f"line {n}") for n in range(1, 20)])
    with tab(browser, console) as page:
        page.goto(f"/jobs/daily-report/runs/manual-094136/log?at={iso(began)}")
        refuse(page, STATUSES)
        for status in STATUSES:
            page.get_by_role("heading", name="Log").click()
            page.keyboard.press("r")
            expect(said(page)).to_have_text(f"Not refreshed: the console answered {status}.")
        assert page.locator(".chunk li").count() == 19
        more_lines("daily-report", NOW, ["printed after the error"])
        expect(page.locator(".chunk li").last).to_have_text(re.compile("printed after the error"))
        expect(said(page)).to_be_empty()


@pytest.mark.parametrize("status", STATUSES)
def test_what_was_typed_stays_and_is_checked_later(browser, console, world, status):
    schema = {"type": "object", "properties": {"day": {"type": "string", "pattern": "^2026-"}}}
    world.provisioner.jobs.put(ROW | {"job_name": "story", "payload_schema": schema})
    with tab(browser, console) as page:
        page.goto("/jobs/story/run")
        refuse(page, [status])
        day = page.locator("[name='text:day']")
        day.focus()
        page.keyboard.insert_text("2025")  # at once: the next request would get an answer
        expect(said(page)).to_have_text(f"Not checked: the console answered {status}.")
        expect(day).to_have_value("2025")
        expect(day).to_be_focused()
        page.get_by_text("must match").wait_for()  # nobody types: it is checked with the next look
        expect(said(page)).to_be_empty()
        expect(day).to_have_value("2025")


def test_the_last_text_is_checked_though_those_before_got_no_answer(browser, console, world):
    world.provisioner.jobs.put(ROW | {"job_name": "story"})
    with tab(browser, console) as page:

        def answer(route):
            if route.request.post_data_json["row"] == "[]":
                route.continue_()

        page.goto("/jobs/story/edit")
        page.route("**/edit", answer)
        editor = page.get_by_role("textbox", name="The row, as JSON")
        for text in ("{", "{{", "[]"):
            with page.expect_request("**/edit"):
                editor.focus()
                page.keyboard.press("Control+a")
                page.keyboard.insert_text(text)
        page.get_by_text("must be a JSON object").wait_for()
