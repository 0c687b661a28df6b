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
    found = builds.log_page(
        service, build, cursor=text(query, "cursor"), newest_first=True, limit=limit
    )
    values: dict[str, Any] = {
        "run": build,
        "log": found,
        "chunks": log_lines.chunks(found.events),
        "job_name": job_name,
        "limit": limit,
    }
    if request.is_partial:
        part = {"older": "older", "newer": "newer"}.get(query.get("part", ""), "whole")
        return fragment(request, "log_part.html", **values, part=part)
    moving = build.ended_at is None
    values |= {"part": "whole", "zone": timezone_of(service.record(job_name))}
    return page(request, "build_log.html", polls=False, moving=moving, **values)
