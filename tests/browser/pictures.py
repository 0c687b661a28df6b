"""Take the pictures of docs/images again: `make pictures`, then look at them.

They have the fonts that this machine has: Inter and JetBrains Mono are what most people see.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import Entry, Outcome, repeats
from provisioner.runs.model import iso
from tests.support.browser import browser, tab
from tests.support.cli import put_run
from tests.support.console import served
from tests.support.console_world import NOW, STAND_STILL, World, of_its_own, put_history, put_log

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "docs/images"


BEGAN = NOW - timedelta(minutes=91)
ADA = "https://login.example.com#ada@example.org"
KILLED = "OutOfMemoryError: Container killed due to memory usage"
LINES = (
    "INFO 812 workspaces have something new",
    '{"level": "INFO", "message": "batch sent", "letters": 200, "ms": 193}',
    "DEBUG 0.93 of the templates came from the cache",
    "WARNING mail-2.internal did not answer, trying again in 2 s",
    "INFO reading what happened in workspace 4812",
)
FAILED = "manual-20261126T081116Z-1f0c3a52"
FAILED_RUN = f"/jobs/email-digest/runs/{FAILED}"


def put_failed_run(made: World) -> None:
    """Write a run that somebody has started and run again, and who that was."""
    put_run(  # type: ignore[no-untyped-call]
        "email-digest",
        FAILED,
        "FAILED",
        started_at=BEGAN,
        ended_at=iso(BEGAN + timedelta(seconds=182)),
        source="manual",
        started_by=ADA,
        attempts=2,
        input=json.dumps({"day": "2026-11-25"}),
        error="ContainerFailed",
        cause=KILLED,
        error_group=f"ContainerFailed: {KILLED}",
        log_stream="run",
    )
    lines = [LINES[number * 7 % 11 % len(LINES)] for number in range(40)]
    lines.append("ERROR 1,930 MB of 2,048 MB are in use")
    put_log("email-digest", BEGAN, [(4310 * number, line) for number, line in enumerate(lines)])
    for minutes, run, detail in ((0, FAILED, None), (11, f"{FAILED}-again", repeats(FAILED))):
        entry = Entry(
            f"{iso(BEGAN + timedelta(minutes=minutes))}#00000000",
            "start_run",
            ADA,
            "console",
            True,
            address="203.0.113.7",
            job_name="email-digest",
            run=run,
            outcome=Outcome.DONE,
            detail=detail,
        )
        made.service(None).audit.write(entry)


def _break(page: Page) -> None:
    """Have an editor show two problems."""
    page.get_by_label("Format").select_option("YAML")
    page.get_by_role("textbox", name="The row, as YAML").press("Control+Home")
    page.keyboard.insert_text("memory_mb: 64\nscheduel: rate(1 hour)\n")
    page.get_by_text("2 problems").wait_for()


@dataclass(frozen=True)
class Picture:
    """A page in a window of some size."""

    path: str
    width: int
    height: int
    scheme: str = "light"
    before: Callable[[Any], object] = bool


PICTURES = {
    "overview": Picture("/", 1440, 900),
    "overview-narrow": Picture("/", 360, 740),
    "jobs-dark": Picture("/jobs", 1440, 820, "dark"),
    "job-narrow": Picture("/jobs/catalog-sync", 360, 720),
    "run-dark": Picture(f"{FAILED_RUN}?at={iso(BEGAN)}", 1024, 760, "dark"),
    "log": Picture(f"{FAILED_RUN}/log?at={iso(BEGAN)}", 1440, 820),
    "editor": Picture("/jobs/churn-model/edit", 1440, 760, before=_break),
}


def take(name: str, of: Picture, chromium: Any, address: str) -> None:
    """Take one picture."""
    size = {"width": of.width, "height": of.height}
    with tab(chromium, address, viewport=size, color_scheme=of.scheme) as page:
        page.add_init_script(STAND_STILL)
        page.goto(of.path)
        page.locator("#jobs-now > p").wait_for(state="detached")  # it loads by itself
        of.before(page)
        page.screenshot(path=FOLDER / f"console-{name}.png")


if __name__ == "__main__":
    with of_its_own() as made, served(made.handle) as address, browser() as chromium:
        put_history(made)
        put_failed_run(made)
        made.provisioner.jobs.put(
            made.provisioner.row("churn-model") | {"environment": {"STAGE": "production"}}
        )
        for name, of in PICTURES.items():
            take(name, of, chromium, address)
