"""The list of jobs, by the names of which one finds everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.pages import bulk
from provisioner.console.pages.job import run_link
from provisioner.console.pages.list_filters import job_filter
from provisioner.console.pages.queries import choice, text
from provisioner.console.render import page
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.service import job_orders, jobs, overview, run_finder
from provisioner.service.bulk_selection import BulkAction
from provisioner.service.job_orders import JobOrder
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service

PAGE_LINES = 50
_TYPES = ("lambda", "ecs", "batch", "ec2")
_SCHEDULES = {
    ScheduleFilter.SCHEDULED: "has one",
    ScheduleFilter.PAUSED: "paused",
    ScheduleFilter.NONE: "none",
}
_ACTIONS = tuple(each for each in BulkAction if not each.is_of_runs)
_MOVING = {JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING, JobStatus.PENDING}


def listed(request: Request, service: Service) -> Response:
    """Return a page of jobs, with filters, order and cursor in its address."""
    query = request.query
    late = bool(query.get("late"))
    order = choice(query, "sort", JobOrder) or JobOrder.NAME
    if late:
        order, found = JobOrder.NAME, jobs.JobsPage(overview.late(service), None)
    else:
        cursor = text(query, "cursor")
        found = job_orders.page(service, PAGE_LINES, job_filter(query), order, cursor=cursor)
    lines = found.jobs
    # Whoever has only the id of a run may look for it here.
    runs = () if lines else run_finder.find(service, query.get("prefix", "").strip())
    return page(
        request,
        "jobs.html",
        runs=[(run, run_link(run)) for run in runs],
        moving=any(line.running_since or line.status in _MOVING for line in lines),
        lines=lines,
        next=found.cursor,
        of_first=found.of_first,
        order=order,
        orders=list(JobOrder),
        schedules=_SCHEDULES,
        statuses=list(JobStatus),
        types=_TYPES,
        actions=bulk.offered(service, *_ACTIONS),
        has_filter=not late and job_filter(query) != jobs.JobsWanted(),
    )
