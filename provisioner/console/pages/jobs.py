"""The list of jobs, by the names of which one finds everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.pages import bulk
from provisioner.console.pages.job import run_link
from provisioner.console.pages.list_filters import job_filter
from provisioner.console.pages.queries import text
from provisioner.console.render import page
from provisioner.service import jobs, overview, run_finder
from provisioner.service.bulk_selection import BulkAction
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service
    from provisioner.service.jobs import JobLine

PAGE_LINES = 50
_TYPES = ("lambda", "ecs", "batch", "ec2")
_ACTIONS = tuple(each for each in BulkAction if not each.is_of_runs)
_MOVING = {JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING, JobStatus.PENDING}


def _newest_first(line: JobLine) -> float:
    last = line.last_run
    return -last.started_at.timestamp() if last and last.started_at else 0.0


def _soonest_first(line: JobLine) -> float:
    return line.next_at.timestamp() if line.next_at else float("inf")


_ORDERS: dict[str, Callable[[JobLine], Any]] = {
    "name": lambda line: line.job_name,
    "status": lambda line: (list(JobStatus).index(line.status), line.job_name),
    "last run": _newest_first,
    "next run": _soonest_first,
}


def _page(request: Request, service: Service) -> jobs.JobsPage:
    wanted = job_filter(request.query)
    return jobs.page(
        service,
        PAGE_LINES,
        prefix=wanted.prefix,
        status=wanted.status,
        type=wanted.type,
        owner=wanted.owner,
        tag=wanted.tag,
        cursor=text(request.query, "cursor"),
    )


def listed(request: Request, service: Service) -> Response:
    """Return a page of jobs, with filters, order and cursor in its address."""
    query = request.query
    late = bool(query.get("late"))
    found = jobs.JobsPage(overview.late(service), None) if late else _page(request, service)
    order = query.get("sort", "name")
    lines = sorted(found.jobs, key=_ORDERS.get(order, _ORDERS["name"]))
    # Whoever has only the id of a run may look for it here.
    runs = () if lines else run_finder.find(service, query.get("prefix", "").strip())
    return page(
        request,
        "jobs.html",
        runs=[(run, run_link(run)) for run in runs],
        moving=any(line.running_since or line.status in _MOVING for line in lines),
        lines=lines,
        next=found.cursor,
        order=order,
        orders=list(_ORDERS),
        statuses=list(JobStatus),
        types=_TYPES,
        actions=bulk.offered(service, *_ACTIONS),
        has_filter=not late and job_filter(query) != jobs.JobsWanted(),
    )
