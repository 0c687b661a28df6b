"""Debian's Chromium with Playwright: what a test opens must break no policy and log no error.

Its headless shell takes half the processor time that the whole browser takes without a screen.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, LocatorAssertions, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))),
    None,
)

_MOST_MILLISECONDS = 60_000
"""How long a condition may take to come while engines compute; Playwright would wait for 5 s."""

_ARGUMENTS = ("--no-sandbox", "--renderer-process-limit=1")
"""To start a process for each page takes a fifth of all that Chromium computes."""

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


def expect(what: Locator) -> LocatorAssertions:
    """Return Playwright's assertions, which wait, about a part of a page."""
    from playwright.sync_api import expect as expected  # noqa: PLC0415  (as in `browser`)

    expected.set_options(timeout=_MOST_MILLISECONDS)
    return expected(what)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a browser, which starts in half a second."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (half a second for every process that collects tests)

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_ARGUMENTS])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def tab(of: Browser, base: str, **options: Any) -> Iterator[Page]:
    """Yield a page that fails the test for what its console has said, and what a policy refused."""
    context = of.new_context(base_url=base, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if _is_bad(message) else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.add_init_script(_WATCH)
    try:
        yield page
        if options.get("java_script_enabled", True):
            said += page.evaluate("window.violations ?? []")
    finally:
        context.close()
    assert said == [], said


def _is_bad(message: Any) -> bool:
    return message.type == "error" and "the server responded with a status of" not in message.text
