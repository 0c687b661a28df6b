"""One job: how it is and why, its row, its schedule, its runs; and what one scrolls down for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from provisioner.console import durations
from provisioner.console.filters import link, path
from provisioner.console.http import Response
from provisioner.console.render import fragment, page
from provisioner.errors import PermanentError
from provisioner.runs.model import RunStatus
from provisioner.service import (
    builds,
    canary_state,
    job_detail,
    jobs,
    redaction,
    run_finder,
    schedule,
)
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from provisioner.console.http import Request
    from provisioner.service.context import Service
    from provisioner.service.run_finder import NamedRun
    from provisioner.stacks.model import StackRecord

RUNS = 20
RUNS_IN_TABLE = 10
TIMES = 10
_MOVING = {JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING, JobStatus.PENDING}
_OPEN = {RunStatus.RUNNING, RunStatus.QUEUED}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a row, with what is wrong with it."""

    name: str
    value: object
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextTime:
    """A scheduled time; `shifted` when the zone's clocks changed since the one before."""

    at: datetime
    local: datetime
    shifted: bool


def detailed(request: Request, service: Service) -> Response:
    """Return everything about one job."""
    name = request.parts["job"]
    found = job_detail.state(service, name)
    record = found.record
    lines = job_detail.last_runs(service, name, RUNS)
    planned = _planned(service, found)
    row = redaction.row_for(service.caller(), found.row) if found.row else None
    return page(
        request,
        "job.html",
        moving=found.status in _MOVING or any(run.status in _OPEN for run in lines),
        job=found,
        record=record,
        ready=_ready(record),
        attributes=list(_attributes(row, record)),
        zone=str((found.row or {}).get("timezone") or "UTC"),
        runs=lines[:RUNS_IN_TABLE],
        durations=durations.of_runs(lines, found.recent.usual_seconds),
        schedule=planned,
        times=list(_times(planned)) if planned else [],
        in_sync=job_detail.in_sync(record),
        builds=list(builds.of_record(record)),
        from_git=_is_from_git(found.row),
        canary=canary_state.of(service, found.row, record),
    )


def more(request: Request, service: Service) -> Response:
    """Return what a job has cost and what it depends on, which its own page has at its end."""
    name = request.parts["job"]
    relations = job_detail.relations(service, name, job_detail.state(service, name).record)
    if request.is_partial:
        return fragment(request, "relations.html", relations=relations)
    return page(request, "job_more.html", polls=False, job_name=name, relations=relations)


def _is_from_git(row: Mapping[str, Any] | None) -> bool:
    build = (row or {}).get("build")
    return isinstance(build, dict) and isinstance(build.get("source"), dict)


def _ready(record: StackRecord | None) -> object | None:
    conditions = record.conditions if record else ()
    return next((each for each in conditions if each.type == "Ready"), None)


def _attributes(row: Mapping[str, Any] | None, record: StackRecord | None) -> Iterator[Attribute]:
    """Yield the row's attributes, those that are wrong first, each with its errors."""
    errors = record.errors if record and record.status is JobStatus.INVALID else ()
    wrong: dict[str, list[str]] = {}
    for error in errors:
        name = error.field.partition(".")[0].partition("[")[0]
        wrong.setdefault(name, []).append(f"{error.field} {error.message}".strip())
    shown = {name: value for name, value in (row or {}).items() if name != "job_name"}
    for name in sorted({*shown, *wrong}, key=lambda name: (name not in wrong, name)):
        yield Attribute(name, shown.get(name), tuple(wrong.get(name, ())))


def _planned(service: Service, found: job_detail.JobState) -> schedule.Planned | None:
    if not found.row or not found.row.get("schedule"):
        return None
    try:
        return schedule.plan_of(service, found, found.row, TIMES)
    except PermanentError:  # INVALID, which the page says above
        return None


def _times(planned: schedule.Planned) -> Iterator[NextTime]:
    zone = ZoneInfo(planned.job.timezone)
    offset = planned.now.astimezone(zone).utcoffset()
    for each in planned.next:
        local = each.at.astimezone(zone)
        yield NextTime(each.at, local, local.utcoffset() != offset)
        offset = local.utcoffset()


def suggested(request: Request, service: Service) -> Response:
    """Return the runs that a text names, or else the jobs that it begins, for the palette."""
    asked = request.query.get("q", "").strip()
    links = [
        {"name": f"{run.job_name} / {run.run}", "href": run_link(run)}
        for run in run_finder.find(service, asked)
    ] or [
        {"name": job.job_name, "href": path("jobs", job.job_name)}
        for job in jobs.page(service, 10, jobs.JobsWanted(prefix=asked)).jobs
    ]
    return Response(json.dumps(links), content_type="application/json")


def run_link(run: NamedRun) -> str:
    """Return the address of a run that was found."""
    return link(path("jobs", run.job_name, "runs", run.run), {}, at=run.at)
