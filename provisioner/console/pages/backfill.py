"""Runs for scheduled times that have passed: seen first, then started in their order."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from provisioner.console.filters import path
from provisioner.console.http import redirect
from provisioner.console.pages.queries import number
from provisioner.console.render import page
from provisioner.errors import PermanentError
from provisioner.jobs.model import OVERLAPS
from provisioner.service import backfill
from provisioner.service.backfill import NotAdmitted
from provisioner.service.schedule import scheduled_job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.console.http import Request, Response
    from provisioner.service.backfill import Backfill
    from provisioner.service.context import Service

_DEFAULT_OVERLAP = "queue_all"
_OF_ONE_STEP = 10
_NAMES = ("start", "end", "overlap")


def show(request: Request, service: Service) -> Response:
    """Return the form, and the runs that it means once a span is chosen."""
    job = scheduled_job(service, request.parts["job"])
    asked = _values_of(request.query)
    if not asked["start"]:
        return _page(request, asked, zone=job.timezone)
    try:
        return _page(request, asked, zone=job.timezone, planned=_plan(request, service, asked))
    except PermanentError as error:
        said = str(error)
        return _page(request, asked, zone=job.timezone, error=said, status=HTTPStatus.BAD_REQUEST)


def step(request: Request, service: Service) -> Response:
    """Start the next runs, and go to the page that continues; a repetition starts nothing twice."""
    asked = _values_of(request.form)
    planned = _plan(request, service, asked)
    before, done = number(request.form, "done", 0), 0
    for event in backfill.start(service, planned):
        if isinstance(event, NotAdmitted):
            break
        done += 1
        if done >= before + _OF_ONE_STEP:
            break
    query = urlencode({**asked, "done": done})
    return redirect(f"{path('jobs', request.parts['job'], 'backfill')}?{query}")


def _plan(request: Request, service: Service, asked: Mapping[str, str]) -> Backfill:
    return backfill.plan(service, request.parts["job"], *(asked[name] for name in _NAMES))


def _values_of(sent: Mapping[str, str]) -> dict[str, str]:
    overlap = sent.get("overlap", "")
    return {
        "start": sent.get("start", "").strip(),
        "end": sent.get("end", "").strip(),
        "overlap": overlap if overlap in OVERLAPS else _DEFAULT_OVERLAP,
    }


def _page(
    request: Request,
    asked: Mapping[str, str],
    *,
    zone: str,
    planned: Backfill | None = None,
    error: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "backfill.html",
        status=status,
        polls=False,
        job_name=request.parts["job"],
        span=asked,
        zone=zone,
        planned=planned,
        error=error,
        done=number(request.query, "done", 0) if "done" in request.query else None,
        overlaps=OVERLAPS,
    )
