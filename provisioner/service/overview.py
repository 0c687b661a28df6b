"""How everything is: what failed, runs and waits, what is late, which failures are the same one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from provisioner.aws import dead_letters
from provisioner.runs.model import RunStatus
from provisioner.service import all_runs, jobs
from provisioner.service.run_lines import line_of
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.aws.stack_items import JobEntry
    from provisioner.service.context import Service
    from provisioner.service.jobs import JobLine
    from provisioner.service.run_lines import RunLine

SPAN = timedelta(hours=24)
MOST_RUNS = 1000
"""How many of the newest runs are looked through."""

MOST_JOBS = 1000
AHEAD = timedelta(hours=2)
"""How far the overview looks ahead for scheduled times."""

MOST_HOURS = 24 * 90
"""How far back failures are asked for: for longer no run is kept."""

_LONGEST_RUN = timedelta(days=7)
"""How much earlier than the span a run that ended in it may have begun, to be counted."""

_MOST_RUNNING = 100
"""Items of one BatchGetItem, were each of these jobs not paused after failures."""

_LATE = 2.0
"""As many times its usual duration a run takes before it is late."""

FAILURES = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest runs.

    Attributes
    ----------
    runs
        Newest first.
    since
        The start of the earliest of them that count; there may be earlier ones unless `complete`.
    """

    runs: tuple[RunLine, ...]
    since: datetime
    complete: bool

    def ended_since(self, time: datetime, *statuses: str) -> tuple[RunLine, ...]:
        """Return those that have ended since a time, with one of these statuses or with any."""
        return tuple(
            run
            for run in self.runs
            if run.ended_at and run.ended_at >= time and (not statuses or run.status in statuses)
        )

    def having(self, status: str) -> tuple[RunLine, ...]:
        """Return those with a status."""
        return tuple(run for run in self.runs if run.status == status)


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is to know at a glance, at the time `now`.

    Attributes
    ----------
    failed, timed_out
        Runs that ended so within the last 24 hours, whenever they began.
    coming
        The next scheduled times within two hours, by job; one that is paused after failures has
        one, too.
    late
        Jobs whose run takes twice as long as usual by now, of the first hundred that run.
    dead_letters
        About how many messages the dead-letter queue has.
    """

    now: datetime
    entries: Sequence[JobEntry]
    recent: Recent
    coming: Mapping[str, datetime]
    failed: int
    timed_out: int
    succeeded: int
    running: int
    waiting: int
    late: tuple[JobLine, ...]
    failed_jobs: int
    invalid_jobs: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Runs that failed for the same reason: error and cause without what differs.

    Attributes
    ----------
    runs
        Newest first.
    """

    reason: str
    runs: tuple[RunLine, ...]

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that they are of."""
        return tuple(sorted({run.job_name for run in self.runs}))

    @property
    def last_at(self) -> datetime | None:
        """When the newest of them ended."""
        return max((run.ended_at for run in self.runs if run.ended_at), default=None)

    @property
    def first_at(self) -> datetime | None:
        """When the oldest of them ended."""
        return min((run.ended_at for run in self.runs if run.ended_at), default=None)


def recent(service: Service) -> Recent:
    """Return the newest runs of all jobs, as many as may have ended in the last 24 hours."""
    if service.recall is None:
        return _recent(service)
    return service.recall.get("recent", lambda: _recent(service))


def _recent(service: Service) -> Recent:
    since = service.clock() - SPAN - _LONGEST_RUN
    found = all_runs.page(service, MOST_RUNS, since=since)
    runs = tuple(line_of(each) for each in found.runs)
    earliest = runs[-1].started_at if found.cursor and runs else None
    return Recent(runs, earliest or since, complete=found.cursor is None)


def is_late(line: JobLine, now: datetime) -> bool:
    """Tell whether a job's run takes much longer than usual by now."""
    if line.running_since is None or not line.usual_seconds:
        return False
    return (now - line.running_since).total_seconds() > _LATE * line.usual_seconds


def late(service: Service) -> tuple[JobLine, ...]:
    """Return the jobs that are late, of the first thousand; three requests."""
    return _late(service, jobs.first_entries(service, MOST_JOBS))


def _late(service: Service, entries: Sequence[JobEntry]) -> tuple[JobLine, ...]:
    now = service.clock()
    open_runs = islice(service.triggers.open(RunStatus.RUNNING, until=now), MOST_RUNS)
    running = {run.job_name for run in open_runs}
    found = [each for each in entries if each.job_name in running][:_MOST_RUNNING]
    return tuple(line for line in jobs.lines_of(service, found) if is_late(line, now))


def overview(service: Service) -> Overview:
    """Return how everything is, with seven requests, however many jobs and runs there are."""
    if service.recall is None:
        return _overview(service)
    return service.recall.get("overview", lambda: _overview(service))


def _overview(service: Service) -> Overview:
    now = service.clock()
    entries = jobs.first_entries(service, MOST_JOBS)
    newest = recent(service)
    soon = {each.job_name: jobs.next_of(each, now) for each in entries}
    day = now - SPAN
    return Overview(
        now=now,
        entries=entries,
        recent=newest,
        coming={name: at for name, at in soon.items() if at and at < now + AHEAD},
        failed=len(newest.ended_since(day, RunStatus.FAILED)),
        timed_out=len(newest.ended_since(day, RunStatus.TIMED_OUT)),
        succeeded=len(newest.ended_since(day, RunStatus.SUCCEEDED)),
        running=len(newest.having(RunStatus.RUNNING)),
        waiting=len(newest.having(RunStatus.QUEUED)),
        late=_late(service, entries),
        failed_jobs=sum(each.status is JobStatus.FAILED for each in entries),
        invalid_jobs=sum(each.status is JobStatus.INVALID for each in entries),
        dead_letters=dead_letters.about_how_many(
            service.clients, service.dead_letters.dead_letter_queue_url
        ),
    )


def paused(service: Service, entries: Iterable[JobEntry]) -> set[str]:
    """Return which of these jobs are paused after failures; one request for a hundred of them."""
    pausing = [each.job_name for each in entries if each.row and each.row.pauses]
    pauses = service.recent_runs.read((), pausing)[1] if pausing else {}
    return {name for name, pause in pauses.items() if pause.paused}


def groups(runs: Iterable[RunLine]) -> Sequence[FailureGroup]:
    """Return failures by their reason, the most frequent first."""
    by_reason: dict[str, list[RunLine]] = {}
    for run in runs:
        if run.status in FAILURES:
            reason = run.error_group or run.error or "no reason is recorded"
            by_reason.setdefault(reason, []).append(run)
    found = [FailureGroup(reason, tuple(each)) for reason, each in by_reason.items()]
    return sorted(found, key=lambda group: -len(group.runs))
