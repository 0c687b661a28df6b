"""Jobs in other orders than by name: as many as three requests have are read, then sorted.

An index is in one order, and nobody keeps others: when a job last ran, or runs next, is not in it.
docs/internals/data-model.md has what each order reads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.errors import InvalidCursorError
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.service import cursors, jobs
from provisioner.service.jobs import JobsPage, JobsWanted
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provisioner.aws.stack_items import JobEntry
    from provisioner.service.context import Service
    from provisioner.service.jobs import JobLine

_QUERIES = 2
"""Of a megabyte each, some 2,000 jobs; the third request has the runs of those that are shown."""

_ITEMS = 200
"""Of two requests, after one query: the runs and pauses of the jobs that are sorted by runs."""

_LAST = float(10**12)
"""After every time."""


class JobOrder(StrEnum):
    """Orders of a list of jobs; jobs that are alike in one are in the order of their names."""

    NAME = "name"
    STATUS = "status"
    LAST_RUN = "last run"
    NEXT_RUN = "next run"


def page(
    service: Service,
    limit: int,
    wanted: JobsWanted,
    order: JobOrder = JobOrder.NAME,
    *,
    cursor: str | None = None,
) -> JobsPage:
    """Return the next jobs in an order, at most `limit`, with three requests for fifty jobs.

    By their next run, a job that failures have paused is where its schedule's next time is.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page in this order had, or the tag has no name.
    PermanentError
        If the bootstrap has no index of all jobs yet.
    """
    if order is JobOrder.NAME:
        return jobs.page(service, limit, wanted, cursor=cursor)
    after = _position_of(cursor, order) if cursor else None
    if wanted.is_impossible:
        return JobsPage((), None)
    if order is JobOrder.LAST_RUN or wanted.schedule is ScheduleFilter.PAUSED:
        return _of_lines(service, limit, wanted, order, after)
    entries, is_all = service.job_list.first(wanted.start, wanted.filter(), _QUERIES)
    key, now = _KEYS_OF_ENTRIES[order], service.clock()
    keys = {each.job_name: key(each, now) for each in entries}
    names, end = _next(order, keys, after, limit)
    by_name = {each.job_name: each for each in entries}
    lines = jobs.lines_of(service, [by_name[name] for name in names])
    return JobsPage(jobs.fitting(lines, wanted), end, None if is_all else len(entries))


def _of_lines(
    service: Service, limit: int, wanted: JobsWanted, order: JobOrder, after: _Position | None
) -> JobsPage:
    """Return jobs by what is not in their entries: their runs, and whether failures pause them."""
    entries, more = service.job_list.page(_ITEMS, wanted.start, "", wanted.filter())
    read = list(_readable(entries))
    found = jobs.fitting(jobs.lines_of(service, read), wanted)
    lines = {line.job_name: line for line in found}
    key = _KEYS_OF_LINES[order]
    names, end = _next(order, {name: key(line) for name, line in lines.items()}, after, limit)
    is_all = more is None and len(read) == len(entries)
    return JobsPage(tuple(lines[name] for name in names), end, None if is_all else len(read))


def _readable(entries: Sequence[JobEntry]) -> Iterator[JobEntry]:
    """Yield the first jobs, as many as have their runs and pauses in two requests."""
    left = _ITEMS
    for each in entries:
        left -= 2 if each.row and each.row.pauses else 1
        if left < 0:
            return
        yield each


def _newest_first(line: JobLine) -> float:
    """Return the place of a job among those that are sorted by their last run."""
    last = line.last_run
    return -last.started_at.timestamp() if last and last.started_at else 0.0


_STATUSES = (
    *(JobStatus.FAILED, JobStatus.INVALID, JobStatus.RETRYING),
    *(JobStatus.PENDING, JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING),
    *(JobStatus.PAUSED, JobStatus.RETAINED, JobStatus.READY, JobStatus.DELETED),
)
"""What somebody may have to look at comes first, then what is under way."""


def _soonest_first(at: datetime | None) -> float:
    return at.timestamp() if at else _LAST


_KEYS_OF_ENTRIES: Mapping[JobOrder, Callable[[JobEntry, datetime], float]] = {
    JobOrder.STATUS: lambda entry, _now: _STATUSES.index(entry.status),
    JobOrder.NEXT_RUN: lambda entry, now: _soonest_first(jobs.next_of(entry, now)),
}

_KEYS_OF_LINES: Mapping[JobOrder, Callable[[JobLine], float]] = {
    JobOrder.STATUS: lambda line: _STATUSES.index(line.status),
    JobOrder.NEXT_RUN: lambda line: _soonest_first(line.next_at),
    JobOrder.LAST_RUN: _newest_first,
}

_Position = tuple[float, str]


def _next(
    order: JobOrder, keys: Mapping[str, float], after: _Position | None, limit: int
) -> tuple[Sequence[str], str | None]:
    """Return the names that follow a position, and the cursor of those after them."""
    places = sorted((key, name) for name, key in keys.items())
    left = [place for place in places if after is None or place > after]
    names = [name for _, name in left[:limit]]
    end = cursors.written([order, *left[limit - 1]]) if len(left) > limit else None
    return names, end


def _position_of(cursor: str, order: JobOrder) -> _Position:
    match cursors.read(cursor):
        case [str(said), int() | float() as key, str(name)] if said == order:
            return key, name
        case _:
            raise InvalidCursorError
