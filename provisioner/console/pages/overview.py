"""The first page: how everything is, all jobs' runs of a day as one picture, and what failed."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.console import timeline
from provisioner.console.pages.queries import number
from provisioner.console.render import page
from provisioner.service import overview
from provisioner.service.run_search import OPEN

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service

LANES = 50


def first(request: Request, service: Service) -> Response:
    """Return the overview of the runs; that of the jobs is loaded separately."""
    after = number(request.query, "lanes", 0)
    shown = service.recalled(f"runs of the overview, {after}", lambda: _shown(service, after))
    return page(request, "overview.html", **shown)


def _shown(service: Service, after: int) -> dict[str, Any]:
    found = overview.overview(service)
    of_jobs = timeline.by_job(found.recent.runs, found.now)
    shown = dict(islice(of_jobs.items(), after, after + LANES))
    return {
        "moving": bool(found.waiting.runs) or any(run.status in OPEN for run in found.recent.runs),
        "most": overview.MOST_RUNS,
        "ended_hours": overview.SPAN // timedelta(hours=1),
        "found": found,
        "lanes": timeline.lanes(shown, found.now),
        "hours": timeline.hours(found.now),
        "more": after + LANES if after + LANES < len(of_jobs) else None,
        "groups": overview.groups(found.recent.ended_since(found.now - overview.SPAN))[:5],
    }


def of_jobs(request: Request, service: Service) -> Response:
    """Return how the jobs are and what comes, as a part of the overview or as a page."""
    return page(request, "overview_jobs.html", found=overview.jobs_now(service))


def failures(request: Request, service: Service) -> Response:
    """Return the failures of the newest runs, grouped by their reason."""
    recent = overview.recent(service)
    hours = number(request.query, "hours", 24)
    since = service.clock() - timedelta(hours=min(hours, overview.MOST_HOURS))
    return page(
        request,
        "failures.html",
        groups=overview.groups(recent.ended_since(since)),
        recent=recent,
        hours=hours,
        ended_hours=hours,
        most=overview.MOST_RUNS,
    )
