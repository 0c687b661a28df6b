"""A log of 50,000 lines in Chromium: how long its page computes until all of it is there.

``python -m bench.log`` shows the console's page and, in turns, the same lines as one ``<pre>`` of
bare text, each in a new tab. The thread's own processor time counts: a clock would also measure the
machine. Aim: at most 1.5 s.
"""

from __future__ import annotations

import html
import os
from statistics import median
from typing import TYPE_CHECKING

from bench.measure import in_turns
from tests.support.browser import browser, tab
from tests.support.cli import REGION
from tests.support.console import served
from tests.support.console_world import world
from tests.support.long_log import events, long_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, CDPSession

LINES = 50_000
ROUNDS = 7


def busy_seconds(of_chromium: CDPSession) -> float:
    """Return how long the page's thread has computed."""
    metrics = of_chromium.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def shown(chromium: Browser, address: str, text: str) -> Callable[[], float]:
    """Return what shows a page in a new tab and says how long that computed."""

    def show() -> float:
        size = {"width": 1280, "height": 800}
        with tab(chromium, address, viewport=size, timezone_id="Asia/Kabul") as page:
            page.route("**/long", lambda route: route.fulfill(body=text, content_type="text/html"))
            of_chromium = page.context.new_cdp_session(page)
            of_chromium.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = busy_seconds(of_chromium)
            page.goto("/long")
            return busy_seconds(of_chromium) - before

    return show


def main() -> None:
    """Print a line: both times, and their ratio."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    with world() as console, served(console.handle) as address, browser() as chromium:
        page = long_log(console, LINES)
        text = "\n".join(html.escape(each.message) for each in events(LINES))
        bare = f"<!doctype html><title>Lines</title><pre>{text}</pre>"
        ours, against = in_turns(
            shown(chromium, address, page), shown(chromium, address, bare), runs=ROUNDS
        )
    print(
        f"{LINES:,} lines, {len(page) / 1e6:.1f} MB: median {median(ours):.2f} s, longest"
        f" {max(ours):.2f} s; as bare text {median(against):.2f} s,"
        f" ratio {median(ours) / median(against):.1f}"
    )


if __name__ == "__main__":
    main()
