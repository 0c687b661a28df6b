"""What a build of a job's code has printed, live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.console import log_lines
from provisioner.console.pages.queries import number, text
from provisioner.console.pages.runs import LOG_LINES, MOST_LOG_LINES
from provisioner.console.render import fragment, page
from provisioner.service import builds
from provisioner.service.logs import timezone_of

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service


def log(request: Request, service: Service) -> Response:
    """Return the log of a build, or the lines before or after those that are shown."""
    job_name, query = request.parts["job"], request.query
    build = builds.find(service, job_name, request.parts["build"])
    limit = min(number(query, "lines", LOG_LINES), MOST_LOG_LINES)
    cursor, at_ms = text(query, "cursor"), log_lines.time_of_line(query)
    if at_ms is not None and cursor is None:
        found = builds.log_around(service, build, at_ms, limit=limit)
    else:
        found = builds.log_page(service, build, cursor=cursor, newest_first=True, limit=limit)
    values: dict[str, Any] = {
        "run": build,
        "log": found,
        "chunks": log_lines.chunks(found.events),
        "job_name": job_name,
        "follows": log_lines.is_followed(query, found.events, limit),
    }
    if request.is_partial:
        return fragment(request, "log_part.html", **values, part=log_lines.part(query))
    moving = build.ended_at is None
    values |= {"part": "whole", "zone": timezone_of(service.record(job_name))}
    return page(request, "build_log.html", polls=False, moving=moving, **values)
