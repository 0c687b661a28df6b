"""Jobs as people see them in a list, by name and in pages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from provisioner.aws.job_list import JobFilter
from provisioner.errors import InvalidCursorError, InvalidRequestError
from provisioner.jobs.row_summary import RowSummary, ScheduleFilter
from provisioner.runs.recent import RecentRuns
from provisioner.service import cursors
from provisioner.service.run_lines import RunLine, line_of
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provisioner.aws.stack_items import JobEntry
    from provisioner.runs.model import Pause, RunStatus
    from provisioner.service.context import Service


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as a line of a list.

    Attributes
    ----------
    type
        "" when its row is gone, or does not say.
    reason
        Why it is not READY, in one line; None when there is nothing to say.
    schedule
        Its expressions as the row has them, `, ` between them; None without one.
    paused
        Whether its schedule starts nothing now: by the row, or after failures.
    in_sync
        Whether the stack is what the row asks for; None while nothing is asked for.
    strip
        The statuses of its last runs, twenty at most, oldest first.
    usual_seconds
        The median of its last twenty successes.
    next_at
        When its schedule next starts a run; None when it starts none.
    running_since
        When the longest of its running runs began.
    """

    job_name: str
    type: str
    status: JobStatus
    reason: str | None
    description: str
    owner: str
    schedule: str | None
    time_zone: str
    tags: Mapping[str, str]
    paused: bool
    row_exists: bool
    in_sync: bool | None
    last_run: RunLine | None
    strip: tuple[RunStatus, ...]
    usual_seconds: float | None
    next_at: datetime | None
    running_since: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobsWanted:
    """Which jobs are meant, as their rows are now; all if it says nothing.

    Attributes
    ----------
    tag
        `team=data`, or `team` for any value.
    """

    name: str | None = None
    prefix: str = ""
    status: JobStatus | None = None
    type: str | None = None
    owner: str | None = None
    tag: str | None = None
    schedule: ScheduleFilter | None = None

    def filter(self) -> JobFilter:
        """Return the filter of the index.

        Raises
        ------
        InvalidRequestError
            If the tag has no name.
        """
        if self.tag is not None and not self.tag.partition("=")[0]:
            message = 'a tag is "name" or "name=value"'
            raise InvalidRequestError(message)
        return JobFilter(self.status, self.type, self.owner, self.tag, self.schedule)

    @property
    def start(self) -> str:
        """What the names of the jobs start with."""
        return self.name or self.prefix

    @property
    def is_impossible(self) -> bool:
        """Whether no name starts with the prefix: DynamoDB refuses such a key."""
        return len(self.start.encode()) > cursors.MAX_KEY_BYTES


ALL = JobsWanted()


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Jobs in an order; `cursor` asks for those after them, None at the end.

    Attributes
    ----------
    of_first
        Only so many jobs, the first by name of those that are wanted, are in this order; None if
        all are.
    """

    jobs: tuple[JobLine, ...]
    cursor: str | None
    of_first: int | None = None


def page(
    service: Service, limit: int, wanted: JobsWanted = ALL, *, cursor: str | None = None
) -> JobsPage:
    """Return the next jobs, at most `limit`, in the order of their names.

    That is one query, or two for a filter, and a request for each hundred items of their runs and
    pauses: three requests at most for a hundred jobs. With a filter a page may have fewer jobs, or
    none, although it has a cursor: it looks through a megabyte, some 2,000 jobs.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page of these jobs had, or the tag has no name.
    PermanentError
        If the bootstrap has no index of all jobs yet.
    """
    which = wanted.filter()
    if wanted.is_impossible:
        return JobsPage((), None)
    after = _name_in(cursor, wanted.start) if cursor else ""
    entries, end = service.job_list.page(limit, wanted.start, after, which)
    found = fitting(lines_of(service, entries), wanted)
    return JobsPage(found, cursors.written(end) if end else None)


def fitting(lines: Iterable[JobLine], wanted: JobsWanted) -> tuple[JobLine, ...]:
    """Return those of the lines that are wanted, also by what the index does not say."""
    paused_only = wanted.schedule is ScheduleFilter.PAUSED
    return tuple(
        line
        for line in lines
        if wanted.name in (None, line.job_name) and (line.paused or not paused_only)
    )


def first_entries(service: Service, limit: int) -> Sequence[JobEntry]:
    """Return the first jobs by name, without what is known of their runs; one query.

    Raises
    ------
    PermanentError
        If the bootstrap has no index of all jobs yet.
    """
    return service.job_list.page(limit, "", "", JobFilter())[0]


def lines_of(service: Service, entries: Sequence[JobEntry]) -> tuple[JobLine, ...]:
    """Return the lines of jobs, with a request for each hundred items of their runs and pauses."""
    runs, pauses = service.recent_runs.read([each.job_name for each in entries], _pausing(entries))
    now = service.clock()
    return tuple(
        _line(each, runs.get(each.job_name, RecentRuns()), pauses.get(each.job_name), now)
        for each in entries
    )


def next_of(entry: JobEntry, now: datetime) -> datetime | None:
    """Return a job's next scheduled time, unless its row says that none comes.

    A pause after failures is not in its entry.
    """
    if entry.row is None or entry.status is JobStatus.INVALID:
        return None
    return entry.row.next_after(entry.job_name, now)


def names(service: Service, wanted: JobsWanted) -> Iterator[str]:
    """Yield the names of the jobs that are wanted, in order, with a query for each 2,000 jobs.

    Of those whose schedules are PAUSED there is a request more for each hundred that failures may
    have paused.

    Raises
    ------
    InvalidRequestError
        If the tag has no name.
    PermanentError
        If the bootstrap has no index of all jobs yet.
    """
    which = wanted.filter()
    if wanted.is_impossible:
        return iter(())
    if wanted.schedule is ScheduleFilter.PAUSED:
        found = _paused(service, service.job_list.entries(wanted.start, which))
    else:
        found = service.job_list.names(wanted.start, which)
    return (name for name in found if wanted.name in (None, name))


def _paused(service: Service, entries: Iterator[JobEntry]) -> Iterator[str]:
    while some := tuple(islice(entries, _PAUSES)):
        pauses = service.recent_runs.read([], _pausing(some))[1]
        yield from (
            each.job_name
            for each in some
            if _is_paused(each.row or RowSummary(), pauses.get(each.job_name))
        )


_PAUSES = 100
"""Items of one request."""


def tagged(service: Service, tag: str | None) -> frozenset[str] | None:
    """Return the names of the jobs with a tag, as `names` has them; None for all without one."""
    return None if tag is None else frozenset(names(service, JobsWanted(tag=tag)))


def _pausing(entries: Iterable[JobEntry]) -> Sequence[str]:
    return [each.job_name for each in entries if each.row and each.row.pauses]


def _is_paused(row: RowSummary, pause: Pause | None) -> bool:
    return row.paused or not row.schedule_enabled or bool(pause and pause.paused)


def _line(entry: JobEntry, recent: RecentRuns, pause: Pause | None, now: datetime) -> JobLine:
    shown, name = entry.row or RowSummary(), entry.job_name
    paused = _is_paused(shown, pause)
    silent = paused or entry.status is JobStatus.INVALID
    return JobLine(
        job_name=name,
        type=shown.type,
        status=entry.status,
        reason=entry.message,
        description=shown.description,
        owner=shown.owner,
        schedule=", ".join(shown.schedule) or None,
        time_zone=shown.timezone,
        tags=shown.tags,
        paused=paused,
        row_exists=entry.row is not None,
        in_sync=_in_sync(entry.status, agrees=entry.in_sync),
        last_run=line_of({**recent.last, "job_name": name}) if recent.last else None,
        strip=recent.strip,
        usual_seconds=recent.usual_seconds,
        next_at=None if silent else shown.next_after(name, now),
        running_since=recent.running_since,
        updated_at=entry.updated_at,
    )


def _in_sync(status: JobStatus, *, agrees: bool) -> bool | None:
    return None if status is JobStatus.PENDING and not agrees else agrees


def _name_in(cursor: str, prefix: str) -> str:
    match cursors.read(cursor):
        case str(name) if name.startswith(prefix):
            return name
        case _:
            raise InvalidCursorError
