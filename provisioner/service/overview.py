"""How everything is: what failed, runs and waits, what is late, which failures are the same one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from provisioner.runs.listing import RunsWanted
from provisioner.runs.model import RunStatus
from provisioner.service import all_runs, dead_letters, jobs
from provisioner.service.run_lines import line_of
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.aws.run_reader import OpenRuns
    from provisioner.runs.recent import RecentRuns
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

_MOST_RUNNING = 50
"""With their pauses, or with those of `_MOST_COMING`, they are one BatchGetItem."""

_MOST_COMING = 30

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


@dataclass(frozen=True, slots=True)
class Overview:
    """How the runs are at the time `now`.

    Attributes
    ----------
    failed, timed_out, succeeded
        Runs that ended so within the last 24 hours, whenever they began; of the newest runs only,
        if `recent` does not reach as far back.
    waiting
        Runs that wait, `MOST_RUNS` at most.
    """

    now: datetime
    recent: Recent
    failed: int
    timed_out: int
    succeeded: int
    waiting: OpenRuns

    @property
    def is_of_a_day(self) -> bool:
        """Whether all runs are counted that began within the last 24 hours."""
        return self.recent.complete or self.recent.since <= self.now - SPAN


@dataclass(frozen=True, slots=True)
class JobsNow:
    """How the first thousand jobs are.

    Attributes
    ----------
    running
        Runs that are running, `MOST_RUNS` at most.
    late
        How many of those that have run for longest take twice as long as usual by now.
    coming
        The next scheduled times within two hours, by job, the soonest first; thirty at most.
    dead_letters
        About how many messages the dead-letter queue has.
    """

    running: OpenRuns
    late: int
    failed: int
    invalid: int
    coming: Mapping[str, datetime]
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
    return service.recalled("recent", lambda: _recent(service))


def _recent(service: Service) -> Recent:
    since = service.clock() - SPAN - _LONGEST_RUN
    found = all_runs.page(service, MOST_RUNS, RunsWanted(since=since))
    runs = tuple(line_of(each) for each in found.runs)
    earliest = runs[-1].started_at if found.cursor and runs else None
    return Recent(runs, earliest or since, complete=found.cursor is None)


def is_late(recent: RecentRuns | JobLine, now: datetime) -> bool:
    """Tell whether a job's run takes much longer than usual by now."""
    if recent.running_since is None or not recent.usual_seconds:
        return False
    return (now - recent.running_since).total_seconds() > _LATE * recent.usual_seconds


def late(service: Service) -> tuple[JobLine, ...]:
    """Return the jobs that are late, of the fifty that have run for longest; three requests."""
    now = service.clock()
    entries = service.job_list.named(_for_longest(_running(service)))
    return tuple(line for line in jobs.lines_of(service, entries) if is_late(line, now))


def _running(service: Service) -> OpenRuns:
    """Return the runs that are running, those that have run for longest first."""
    return service.triggers.open_runs(RunStatus.RUNNING, MOST_RUNS, newest_first=False)


def _for_longest(running: OpenRuns) -> Sequence[str]:
    """Return the jobs that have run for longest, by when their runs began."""
    return list(dict.fromkeys(str(run["job_name"]) for run in running.runs))[:_MOST_RUNNING]


def overview(service: Service) -> Overview:
    """Return how the runs are, with three requests, however many there are."""
    now, newest = service.clock(), recent(service)
    day = now - SPAN
    return Overview(
        now=now,
        recent=newest,
        failed=len(newest.ended_since(day, RunStatus.FAILED)),
        timed_out=len(newest.ended_since(day, RunStatus.TIMED_OUT)),
        succeeded=len(newest.ended_since(day, RunStatus.SUCCEEDED)),
        waiting=service.triggers.open_runs(RunStatus.QUEUED, MOST_RUNS),
    )


def jobs_now(service: Service) -> JobsNow:
    """Return how the jobs are, with three requests to DynamoDB and one to SQS."""
    return service.recalled("jobs_now", lambda: _jobs_now(service))


def _jobs_now(service: Service) -> JobsNow:
    now, entries = service.clock(), jobs.first_entries(service, MOST_JOBS)
    running = _running(service)
    next_times = ((jobs.next_of(each, now), each) for each in entries)
    soon = sorted(
        ((at, each) for at, each in next_times if at and at < now + AHEAD),
        key=lambda found: (found[0], found[1].job_name),
    )[:_MOST_COMING]
    pausing = [each.job_name for _, each in soon if each.row and each.row.pauses]
    recents, pauses = service.recent_runs.read(_for_longest(running), pausing)
    paused = {name for name, pause in pauses.items() if pause.paused}
    return JobsNow(
        running=running,
        late=sum(is_late(each, now) for each in recents.values()),
        failed=sum(each.status is JobStatus.FAILED for each in entries),
        invalid=sum(each.status is JobStatus.INVALID for each in entries),
        coming={each.job_name: at for at, each in soon if each.job_name not in paused},
        dead_letters=dead_letters.how_many(service),
    )


def groups(runs: Iterable[RunLine]) -> Sequence[FailureGroup]:
    """Return failures by their reason, the most frequent first."""
    by_reason: dict[str, list[RunLine]] = {}
    for run in runs:
        if run.status in FAILURES:
            reason = run.reason or "no reason is recorded"
            by_reason.setdefault(reason, []).append(run)
    found = [FailureGroup(reason, tuple(each)) for reason, each in by_reason.items()]
    return sorted(found, key=lambda group: -len(group.runs))
