"""A job's schedules at a certain time: which can still be made, and from when on each counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from provisioner.jobs.schedule import At, Cron, Rate, parse
from provisioner.jobs.scheduled_times import scheduled_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.jobs.types import Job


@dataclass(frozen=True, slots=True, order=True)
class ScheduledTime:
    """A time, in UTC, at which a job's schedule of that index fires."""

    at: datetime
    index: int


def scheduled_times_of(job: Job, index: int, after: datetime) -> Iterator[ScheduledTime]:
    """Yield the scheduled times of one of a job's schedules later than `after`."""
    start, end = (
        None if bound is None else datetime.fromisoformat(bound)
        for bound in (job.schedule_start, job.schedule_end)
    )
    found = scheduled_times(
        job.schedule[index], job.timezone, after, start=start, end=end, job_name=job.job_name
    )
    return (ScheduledTime(moment, index) for moment in found)


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """One of a job's schedules as EventBridge Scheduler gets it; `index` is that of the row."""

    index: int
    expression: str
    start: datetime | None
    end: datetime | None


def planned(job: Job, now: datetime) -> Iterator[PlannedSchedule]:
    """Yield the job's schedules that still fire after `now`; the others are not made.

    EventBridge Scheduler refuses a StartDate more than five minutes back and an EndDate that has
    passed, and an at() that has passed would run at once or fail its stack. A rate() always gets a
    StartDate, its next scheduled time: without one it would fire at once and count from then.
    """
    for index, expression in enumerate(job.schedule):
        following = next(scheduled_times_of(job, index, now), None)
        if following is None:
            continue
        start, end = _instant(job.schedule_start), _instant(job.schedule_end)
        match parse(expression):
            case At():
                yield PlannedSchedule(index, expression, None, None)
            case Cron():
                ahead = start if start is not None and start > now else None
                yield PlannedSchedule(index, expression, ahead, end)
            case Rate():
                yield PlannedSchedule(index, expression, following.at, end)
            case other:
                assert_never(other)


def _instant(bound: str | None) -> datetime | None:
    return None if bound is None else datetime.fromisoformat(bound)
