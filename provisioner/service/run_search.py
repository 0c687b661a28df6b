"""Runs by what a person asks for: what a filter means, in lists and for actions on many."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError
from provisioner.runs.listing import RunsWanted
from provisioner.runs.model import RunStatus
from provisioner.service import all_runs, jobs, overview, runs
from provisioner.service.jobs import JobsWanted
from provisioner.service.run_lines import line_of

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.service.context import Service
    from provisioner.service.run_lines import RunLine

OPEN = (RunStatus.RUNNING, RunStatus.QUEUED)
"""Runs that have not ended."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; it means all if it says nothing.

    Attributes
    ----------
    began_since, ended_since
        Those that came, or have ended, at this time or later.
    began_before
        Those that came before this time.
    started_by
        A part of the name of who is said to have started them.
    error_group
        Why they failed, as `RunLine.reason` has it.
    of_jobs
        Whose runs.
    """

    job_name: str | None = None
    status: RunStatus | None = None
    began_since: datetime | None = None
    began_before: datetime | None = None
    ended_since: datetime | None = None
    started_by: str | None = None
    error_group: str | None = None
    of_jobs: JobsWanted = field(default_factory=JobsWanted)

    @property
    def came(self) -> RunsWanted:
        """When they came: what keys alone tell."""
        return RunsWanted(self.began_since, self.began_before)


def require_span(since: datetime | None, until: datetime | None) -> None:
    """Refuse a span of time in which nothing can be.

    Raises
    ------
    InvalidRequestError
        If it ends before it begins.
    """
    if since and until and until <= since:
        message = "the span of time ends before it begins"
        raise InvalidRequestError(message)


@dataclass(frozen=True, slots=True)
class RunsFound:
    """Runs, newest first; `cursor` asks for those after them.

    Attributes
    ----------
    of_newest
        They are only those among so many of the newest runs; None when there are no others.
    """

    runs: tuple[RunLine, ...]
    cursor: str | None = None
    of_newest: int | None = None


def page(
    service: Service, wanted: RunFilter, limit: int, *, cursor: str | None = None
) -> RunsFound:
    """Return the next runs that a filter means, about `limit`, with three requests at most.

    A page may have fewer runs, or none, although it has a cursor. Those that are open, and those
    that ended since a time, are one page, of `overview.MOST_RUNS` at most. Jobs by type, owner or
    tag are a query more for each 2,000 jobs.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had, or the tag has no name.
    NotFoundError
        If the job has neither a row nor a run.
    PermanentError
        If the bootstrap has no index of all runs yet.
    """
    of_all = wanted.of_jobs == JobsWanted()
    names = None if of_all else frozenset(jobs.names(service, wanted.of_jobs))
    found = _page(service, wanted, limit, cursor, names)
    return RunsFound(
        tuple(run for run in found.runs if fits(run, wanted, names)), found.cursor, found.of_newest
    )


def _page(
    service: Service,
    wanted: RunFilter,
    limit: int,
    cursor: str | None,
    names: frozenset[str] | None,
) -> RunsFound:
    which = replace(wanted.came, status=wanted.status, started_by=wanted.started_by, jobs=names)
    if wanted.ended_since:
        newest = overview.recent(service)
        return RunsFound(newest.runs, of_newest=None if newest.complete else len(newest.runs))
    if wanted.job_name:
        of_job = runs.page(service, wanted.job_name, limit, which, cursor=cursor)
        return RunsFound(of_job.runs, of_job.cursor)
    if wanted.status in OPEN:
        return _open(service, wanted.status)
    of_all = all_runs.page(service, limit, which, cursor=cursor)
    return RunsFound(tuple(map(line_of, of_all.runs)), of_all.cursor)


def _open(service: Service, status: RunStatus) -> RunsFound:
    """Return the runs that are running or waiting, however many have begun and ended since."""
    found = service.triggers.open_runs(status, overview.MOST_RUNS)
    lines = tuple(map(line_of, found.runs))
    return RunsFound(lines, of_newest=None if found.complete else len(lines))


def fits(run: RunLine, wanted: RunFilter, names: frozenset[str] | None) -> bool:
    """Tell whether a filter means a run.

    Parameters
    ----------
    names
        Of the jobs that it means; None for all.
    """
    ended, (first, last) = wanted.ended_since, wanted.came.bounds()
    return (
        wanted.job_name in (None, run.job_name)
        and wanted.status in (None, run.status)
        and wanted.error_group in (None, run.reason)
        and first <= run.trigger_id <= last
        and (wanted.started_by is None or wanted.started_by in (run.started_by or ""))
        and (ended is None or (run.ended_at is not None and run.ended_at >= ended))
        and (names is None or run.job_name in names)
    )
