"""The page of a long log, as the console makes it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.aws.logs import LogEvent
from provisioner.console import log_lines
from provisioner.console.http import Request
from provisioner.console.render import page
from provisioner.service.logs import LogPage
from provisioner.service.run_lines import line_of
from tests.support.console_world import NOW

if TYPE_CHECKING:
    from tests.support.console_world import World

TEXT = "INFO partition {} of the day is read, {} rows are good, and none is not; the next follows"


def events(lines: int) -> tuple[LogEvent, ...]:
    """Return so many lines, 20 ms apart."""
    began = int((NOW - timedelta(hours=1)).timestamp() * 1000)
    return tuple(LogEvent(began + 20 * n, "s", TEXT.format(n, 7 * n % 5000)) for n in range(lines))


def long_log(world: World, lines: int) -> str:
    """Return the page of a run of `billing-export` with so many lines."""
    (line,) = world.service(None).triggers.latest("billing-export", 1)
    shown = events(lines)
    made = page(
        Request("GET", "/jobs/billing-export/runs/x/log", source="127.0.0.1"),
        "log.html",
        polls=False,
        run=line_of(line),
        log=LogPage(shown, None, None),
        chunks=log_lines.chunks(shown),
        job_name="billing-export",
        follows=True,
        part="whole",
        zone="Europe/Berlin",
    )
    return str(made.body)
