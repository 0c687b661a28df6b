"""Every page in a browser: no policy refuses anything, axe finds nothing, none scrolls sideways."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.browser import tab
from tests.support.console_world import OVER_ITEMS, STAND_STILL, put_history
from tests.support.drawn import one_of

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor/axe.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = "/jobs/daily-report/runs/manual-094136"
AT = "?at=2026-11-26T09%3A41%3A36.000Z"
PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "job": "/jobs/catalog-sync",
    "invalid": "/jobs/transcode",
    "failed": "/jobs/geo-lookup",
    "run": RUN + AT,
    "log": f"{RUN}/log{AT}",
    "runs": "/runs",
    "stack": "/jobs/geo-lookup/stack",
    "items": f"/jobs/orders-to-json/runs/{OVER_ITEMS}/items",
    "item": f"/jobs/orders-to-json/runs/{OVER_ITEMS}/items/7",
    "failures": "/failures",
    "error": "/jobs/none",
    "new": "/new?example=container",
    "edit": "/jobs/catalog-sync/edit",
    "run-form": "/jobs/catalog-sync/run",
    "run-again": "/jobs/catalog-sync/run?view=json",
    "stop": f"{RUN}/stop",
    "pause": "/jobs/catalog-sync/pause",
    "delete": "/jobs/catalog-sync/delete",
    "backfill": "/jobs/billing-export/backfill?start=2026-11-01&end=2026-11-08",
    "bulk": "/bulk?action=run_again&status=FAILED",
    "bulk-actions": "/bulk-actions",
    "runs-of-a-time": "/runs?since=2026-11-25T09:00Z&started_by=ada",
    "error-of-a-time": "/runs?since=yesterday&until=2026-11-26T09:00Z",
    "sorted": "/jobs?sort=last%20run&schedule=scheduled",
    "versions": "/jobs/catalog-sync/versions",
    "rollback": "/jobs/billing-export/rollback?to=1",
    "unpin": "/jobs/billing-export/unpin",
    "version": "/jobs/catalog-sync/versions/2",
    "audit": "/audit",
    "upgrade": "/upgrade",
    "dead-letters": "/dead-letters",
}
LOOKS = {
    "wide": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "middle": {"viewport": {"width": 1024, "height": 800}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
SEEN = one_of(
    len(LOOKS),
    [
        (name, [*LOOKS][(number + turn) % len(LOOKS)])
        for number, name in enumerate(PAGES)
        for turn in range(len(LOOKS))
    ],
)
"""Which pages are opened in which look: each in one, another with each commit.

What a page sends is the same in each; only the style sheet and the script tell them apart.
"""
AXED = one_of(4, [*PAGES])
"""Which pages axe looks at: of half of them it took more than half of what these tests take."""
SHOTS = os.environ.get("CONSOLE_SCREENSHOTS")
"""A folder for a picture of each page, which CI keeps."""


@pytest.fixture(scope="module", autouse=True)
def _history(world):
    put_history(world)


@pytest.mark.parametrize("look", LOOKS)
def test_pages(browser, console, look):
    found = {}
    with tab(browser, console, **LOOKS[look]) as page:
        page.add_init_script(STAND_STILL)
        for name in [name for name, of in SEEN if of == look]:
            answer = page.goto(PAGES[name])
            assert answer.ok == (not name.startswith("error")), (name, answer.status)
            page.locator("#jobs-now > p").wait_for(state="detached")  # it loads by itself
            width = page.evaluate("document.documentElement.scrollWidth")
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{look}.png")
            found[name] = findings(page) if name in AXED else []
            if width > LOOKS[look]["viewport"]["width"]:
                found[name].append(f"is {width} wide")

    assert {name: each for name, each in found.items() if each} == {}


def test_every_page_is_opened():
    assert {name for name, _ in SEEN} == PAGES.keys()


def findings(page):
    """Return what axe finds at AA; the policy leaves what a test evaluates alone."""
    page.evaluate(AXE)
    result = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{each['id']}: {node['html'][:150]} {node['failureSummary'][:150]}"
        for each in result["violations"]
        for node in each["nodes"][:3]
    ]
