"""The times at which a schedule fires, as EventBridge Scheduler documents them.

A local time that the clocks skip in spring does not fire; one that they show twice in autumn fires
once, the first time. A day of rate() is 24 hours.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import TYPE_CHECKING, assert_never

from provisioner.jobs.schedule import (
    YEAR,
    At,
    Cron,
    Days,
    DaysOfMonth,
    DaysOfWeek,
    LastDay,
    NearestWeekday,
    NthWeekday,
    Rate,
    parse,
)
from provisioner.jobs.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.jobs.model import Job


class UnknownStartError(ValueError):
    """The ticks of a rate() that has no start are not known."""


@dataclass(frozen=True, slots=True, order=True)
class Tick:
    """A time, in UTC, at which a job's schedule of that index fires."""

    at: datetime
    index: int


def ticks_of(
    job: Job, index: int, after: datetime, *, since: datetime | None = None
) -> Iterator[Tick]:
    """Yield the ticks of one of a job's schedules, as `ticks` does and with its errors."""
    start, end = (
        None if bound is None else datetime.fromisoformat(bound)
        for bound in (job.schedule_start, job.schedule_end)
    )
    expression = job.schedule[index]
    found = ticks(expression, job.timezone, after, start=start, end=end, since=since)
    return (Tick(moment, index) for moment in found)


def ticks(
    expression: str,
    timezone: str,
    after: datetime,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    since: datetime | None = None,
) -> Iterator[datetime]:
    """Yield the ticks later than `after`, in order and in UTC, up to the year 2199.

    Parameters
    ----------
    expression, timezone
        As the row has them, already checked.
    start, end
        The schedule's StartDate and EndDate: from the one on, before the other. at() ignores them.
    since
        When the schedule was made, from which rate() is counted without `start`.

    Raises
    ------
    UnknownStartError
        For a rate() with neither `start` nor `since`.
    """
    where = zone(timezone)
    match parse(expression):
        case At(local=local):
            moment = _instant(local, where)
            return iter([moment] if moment and moment > after else [])
        case Rate(every=every):
            first = start or since
            if first is None:
                raise UnknownStartError("a rate() without schedule_start has no known ticks")
            found = _rate(first.astimezone(UTC), every, after)
        case Cron() as cron:
            floor = max(after, start) if start else after
            instants = (_instant(local, where) for local in _local(cron, floor.astimezone(where)))
            found = (
                moment
                for moment in instants
                if moment and moment > after and (start is None or moment >= start)
            )
    return takewhile(lambda moment: moment < end, found) if end else found


def _rate(first: datetime, every: timedelta, after: datetime) -> Iterator[datetime]:
    moment = first + max((after - first) // every + 1, 0) * every
    while moment.year <= YEAR.maximum:
        yield moment
        moment += every


def _local(cron: Cron, floor: datetime) -> Iterator[datetime]:
    """Yield the local times that match, from the day before `floor` on."""
    earliest = floor.date() - timedelta(days=1)
    hours, minutes = sorted(cron.hours), sorted(cron.minutes)
    for year in sorted(year for year in cron.years if year >= earliest.year):
        for month in sorted(cron.months):
            if (year, month) < (earliest.year, earliest.month):
                continue
            for day in _days(cron.days, year, month):
                if date(year, month, day) < earliest:
                    continue
                for hour in hours:
                    for minute in minutes:
                        yield datetime(year, month, day, hour, minute)


def _days(days: Days, year: int, month: int) -> list[int]:
    first, length = monthrange(year, month)
    # monthrange counts from Monday as 0, Scheduler from Sunday as 1.
    weekday = {day: (first + day) % 7 + 1 for day in range(1, length + 1)}
    match days:
        case DaysOfMonth(days=wanted):
            return [day for day in weekday if day in wanted]
        case DaysOfWeek(weekdays=wanted):
            return [day for day in weekday if weekday[day] in wanted]
        case LastDay(before=before):
            return [length - before] if before < length else []
        case NearestWeekday(day=day):
            wish = day or length
            working = [day for day in weekday if 2 <= weekday[day] <= 6]
            if day is None:
                return working[-1:]
            return [min(working, key=lambda one: abs(one - wish))] if wish <= length else []
        case NthWeekday(weekday=wanted_day, nth=nth):
            same = [day for day in weekday if weekday[day] == wanted_day]
            return same[-1:] if nth is None else same[nth - 1 : nth]
        case _:
            assert_never(days)


def _instant(local: datetime, where: tzinfo) -> datetime | None:
    """Return the first instant at which clocks show a time; None when they skip it."""
    moment = local.replace(tzinfo=where).astimezone(UTC)
    return moment if moment.astimezone(where).replace(tzinfo=None) == local else None
