"""Runs: those of all jobs, one in detail, and what it has logged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from provisioner.console import log_lines
from provisioner.console.filters import iso, run_path
from provisioner.console.http import redirect
from provisioner.console.pages import bulk
from provisioner.console.pages.list_filters import run_filter, times_of
from provisioner.console.pages.queries import number, text
from provisioner.console.pages.run_address import key_of
from provisioner.console.render import fragment, page
from provisioner.errors import PermanentError
from provisioner.runs import counts, remedies
from provisioner.runs.keys import RUN_RETENTION_SECONDS, started_at_of
from provisioner.runs.model import RunStatus, time_of
from provisioner.service import (
    audit,
    logs,
    redaction,
    run_detail,
    run_search,
)
from provisioner.service.bulk_selection import BulkAction
from provisioner.service.rights import Action
from provisioner.service.run_lines import line_of
from provisioner.service.run_search import RunFilter, RunsFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service

PAGE_LINES = 100
_KEPT_DAYS = RUN_RETENTION_SECONDS // 86400
LOG_LINES = 1000
MOST_LOG_LINES = 50_000
LOG_PAGES = 10


def listed(request: Request, service: Service) -> Response:
    """Return runs of all jobs or of one, newest first, with filters in the address."""
    times, wrong = times_of(request.query)
    if wrong:
        wanted, found = RunFilter(), RunsFound(())
    else:
        wanted = run_filter(request.query, service.clock())
        cursor = text(request.query, "cursor")
        found = run_search.page(service, wanted, PAGE_LINES, cursor=cursor)
    return page(
        request,
        "runs.html",
        status=HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK,
        polls=not wrong,
        moving=any(run.status in run_search.OPEN for run in found.runs),
        times=times,
        wrong=wrong,
        since=_since(wanted, text(request.query, "ended")),
        found=found,
        actions=bulk.offered(service, *_possible(wanted)),
        has_filter=wanted != RunFilter(),
        statuses=list(RunStatus),
    )


def _since(wanted: RunFilter, ended: str | None) -> str:
    """Return `--since` of the command for a list: without one it looks back for a day."""
    if wanted.began_since:
        return iso(wanted.began_since)
    if ended:
        return f"{ended}h"
    goes_all_the_way = wanted.job_name or wanted.began_before or wanted.status in run_search.OPEN
    return "" if goes_all_the_way or wanted == RunFilter() else f"{_KEPT_DAYS}d"


def _possible(wanted: RunFilter) -> Iterator[BulkAction]:
    """Yield what can be done to runs of a list."""
    if wanted.status in {None, *run_search.OPEN}:
        yield BulkAction.STOP_RUNS
    if wanted.status not in run_search.OPEN:
        yield BulkAction.RUN_AGAIN


def detailed(request: Request, service: Service) -> Response:
    """Return one run: what it was given, what came of it, where its time went, who did what.

    An address without the run's beginning leads to the one with it, which takes fewer reads.
    """
    job_name = request.parts["job"]
    found = run_detail.detail(service, job_name, key_of(request))
    has_key = found.line.status != run_detail.STARTING  # whose row may begin some moments later
    if has_key and not request.is_partial and not text(request.query, "at"):
        return redirect(run_path(found.line))
    began_at = time_of(started_at_of(found.line.trigger_id))
    actions = audit.of_run(service, job_name, found.line.run, began_at)
    caller = service.caller()
    row = redaction.run_for(caller, found.row)
    return page(
        request,
        "run.html",
        moving=found.line.status in {*run_search.OPEN, run_detail.STARTING},
        run=found.line,
        found=found,
        row=row,
        has_items=counts.is_over_items(found.row),
        overrides=_read(row.get("overrides")),
        phases=_phases(found, service),
        to_do=remedies.what_to_do(found.error, found.cause),
        actions=[(each, time_of(each.at)) for each in actions.entries],
        started=actions.proven(Action.START_RUN, Action.SUBMIT, said=found.line.started_by),
        stopped=actions.proven(Action.STOP_RUN, said=row.get("stopped_by")),
    )


def log(request: Request, service: Service) -> Response:
    """Return the end of a run's log, what is around a line, or the part that a cursor names."""
    job_name, query = request.parts["job"], request.query
    limit = min(number(query, "lines", LOG_LINES), MOST_LOG_LINES)
    known = logs.find(service, job_name, key_of(request))
    run, found = line_of(known.row), _log_of(request, service, known, limit)
    values: dict[str, Any] = {
        "run": run,
        "log": found,
        "chunks": log_lines.chunks(found.events) if found else [],
        "job_name": job_name,
        "follows": found is not None and log_lines.is_followed(query, found.events, limit),
        "zone": logs.timezone_of(known.record),
    }
    if request.is_partial:
        return fragment(request, "log_part.html", **values, part=log_lines.part(query))
    moving = run.ended_at is None
    return page(request, "log.html", polls=False, moving=moving, **values, part="whole")


def log_text(request: Request, service: Service) -> Response:
    """Return a run's log as a file: its end, if it is longer than an answer may be."""
    known = logs.find(service, request.parts["job"], key_of(request))
    found = _log_of(request, service, known, MOST_LOG_LINES)
    pages = [found.events] if found else []
    while found and found.older and len(pages) < LOG_PAGES and not log_lines.fill_a_file(pages):
        found = logs.page_of(service, known, cursor=found.older, limit=MOST_LOG_LINES)
        pages.insert(0, found.events)
    events = [event for events in pages for event in events][-MOST_LOG_LINES:]
    return log_lines.as_file(events, line_of(known.row).run)


def _log_of(
    request: Request, service: Service, known: logs.KnownRun, limit: int
) -> logs.LogPage | None:
    cursor, at_ms = text(request.query, "cursor"), log_lines.time_of_line(request.query)
    try:
        if at_ms is not None and cursor is None:
            return logs.page_around(service, known, at_ms, limit=limit)
        return logs.page_of(service, known, cursor=cursor, limit=limit)
    except PermanentError:  # its stack, and with it the log, is gone
        return None


def _read(overrides: object) -> Mapping[str, Any]:
    try:
        found = json.loads(overrides) if isinstance(overrides, str) else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class PhaseBar:
    """A part of a run's time as a bar: where it begins and how long it is, in percent."""

    name: str
    seconds: float
    left: float
    width: float
    is_open: bool


def _phases(found: run_detail.RunDetail, service: Service) -> list[PhaseBar]:
    if not found.phases:
        return []
    now = found.line.ended_at or service.clock().replace(microsecond=0)
    begin = found.phases[0].began_at
    whole = max((now - begin).total_seconds(), 0.001)
    bars = []
    for phase in found.phases:
        end = phase.ended_at or now
        left = (phase.began_at - begin).total_seconds() / whole
        seconds = max((end - phase.began_at).total_seconds(), 0)
        width = max(min(seconds / whole, 1 - left), 0.005)
        bars.append(PhaseBar(phase.name, seconds, left * 100, width * 100, phase.ended_at is None))
    return bars
