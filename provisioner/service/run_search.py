"""Runs by what a person asks for: what a filter means, in lists and for actions on many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
        Those that began, or have ended, at this time or later.
    error_group
        Why they failed, as `RunLine.reason` has it.
    of_jobs
        Whose runs.
    """

    job_name: str | None = None
    status: RunStatus | None = None
    began_since: datetime | None = None
    ended_since: datetime | None = None
    error_group: str | None = None
    of_jobs: JobsWanted = field(default_factory=JobsWanted)


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
        tuple(run for run in found.runs if _fits(run, wanted, names)), found.cursor, found.of_newest
    )


def _page(
    service: Service,
    wanted: RunFilter,
    limit: int,
    cursor: str | None,
    names: frozenset[str] | None,
) -> RunsFound:
    since, status = wanted.began_since, wanted.status
    if wanted.ended_since:
        newest = overview.recent(service)
        return RunsFound(newest.runs, of_newest=None if newest.complete else len(newest.runs))
    if wanted.job_name:
        of_job = runs.page(
            service, wanted.job_name, limit, since=since, status=status, cursor=cursor
        )
        return RunsFound(of_job.runs, of_job.cursor)
    if status in OPEN:
        return _open(service, status)
    of_all = all_runs.page(service, limit, since=since, status=status, jobs=names, cursor=cursor)
    return RunsFound(tuple(map(line_of, of_all.runs)), of_all.cursor)


def _open(service: Service, status: RunStatus) -> RunsFound:
    """Return the runs that are running or waiting, however many have begun and ended since."""
    found = service.triggers.open_runs(status, overview.MOST_RUNS)
    lines = tuple(map(line_of, found.runs))
    return RunsFound(lines, of_newest=None if found.complete else len(lines))


def _fits(run: RunLine, wanted: RunFilter, names: frozenset[str] | None) -> bool:
    began, ended = wanted.began_since, wanted.ended_since
    return (
        wanted.job_name in (None, run.job_name)
        and wanted.status in (None, run.status)
        and wanted.error_group in (None, run.reason)
        and (began is None or (run.started_at is not None and run.started_at >= began))
        and (ended is None or (run.ended_at is not None and run.ended_at >= ended))
        and (names is None or run.job_name in names)
    )
