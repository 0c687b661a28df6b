"""Debian's Chromium with Playwright: what a test opens must break no policy and log no error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a browser, which starts in half a second."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
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
    assert said == []


def _is_bad(message: Any) -> bool:
    return message.type == "error" and "the server responded with a status of" not in message.text
