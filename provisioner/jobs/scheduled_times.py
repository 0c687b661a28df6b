"""The times at which a schedule fires, as EventBridge Scheduler documents them.

A local time that the clocks skip in spring does not fire; one that they show twice in autumn fires
once, the first time. A day of rate() is 24 hours, counted from `schedule_start`, or from a time
that the job's name alone decides: so nothing but the row moves a schedule, and no two jobs of the
same rate need to meet.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, assert_never

from provisioner.jobs.errors import InvalidValueError
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
    from collections.abc import Iterator, Sequence


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIRST_YEAR_OF_USE = 2026
"""No row is older, so what has come only before is not asked for."""

_LONGEST_SHIFT = timedelta(hours=4)
"""No zone has set its clocks back by more since 1970."""

_MOST_SKIPPED = 2_000
"""Local times in a row that clocks may skip before we believe that they skip all: many years'."""


_MOST_KEPT = 1_000
"""Months that a process remembers: those of a thousand jobs are few, as most run on every day."""


def all_come(expressions: tuple[str, ...], timezone: str) -> None:
    """Check that each of a row's schedules has at least one scheduled time.

    Raises
    ------
    InvalidValueError
        With those that have none.
    """
    problems = [
        (f"[{index}]" if len(expressions) > 1 else "", f'"{text}" never comes in {timezone}')
        for index, text in enumerate(expressions)
        if not comes(text, timezone)
    ]
    if problems:
        raise InvalidValueError(*problems)


def comes(expression: str, timezone: str) -> bool:
    """Return whether a schedule ever fires, in the future or the past.

    The 31st of February has none, neither has a time that the clocks of its zone skip.
    """
    where = zone(timezone)
    match parse(expression):
        case At(local=local):
            return _instant(local, where) is not None
        case Rate():
            return True
        case Cron() as cron:
            since = min(max(cron.years), _FIRST_YEAR_OF_USE)
            candidates = islice(_local(cron, datetime(since, 1, 1) + _LONGEST_SHIFT), _MOST_SKIPPED)
            return any(_instant(local, where) for local in candidates)
        case other:
            assert_never(other)


def scheduled_times(
    expression: str,
    timezone: str,
    after: datetime,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    job_name: str = "",
) -> Iterator[datetime]:
    """Yield the scheduled times later than `after`, in order and in UTC, up to the year 2199.

    Parameters
    ----------
    expression, timezone
        As the row has them, already checked.
    start, end
        The row's: from the one on, before the other. at() ignores them.
    job_name
        What a rate() without `start` is counted by.
    """
    where = zone(timezone)
    match parse(expression):
        case At(local=local):
            moment = _instant(local, where)
            return iter([moment] if moment and moment > after else [])
        case Rate(every=every):
            first = start.astimezone(UTC) if start else _first_of(job_name, every)
            found = _rate(first, every, after)
        case Cron() as cron:
            floor = max(after, start) if start else after
            instants = (_instant(local, where) for local in _local(cron, floor.astimezone(where)))
            found = (
                moment
                for moment in instants
                if moment and moment > after and (start is None or moment >= start)
            )
    return takewhile(lambda moment: moment < end, found) if end else found


def _first_of(job_name: str, every: timedelta) -> datetime:
    """Return the first time of a rate() without start: a whole minute within its first period."""
    seed = int.from_bytes(hashlib.sha256(job_name.encode()).digest()[:8])
    return _EPOCH + timedelta(minutes=seed % (every // timedelta(minutes=1)))


def _rate(first: datetime, every: timedelta, after: datetime) -> Iterator[datetime]:
    moment = first + max((after - first) // every + 1, 0) * every
    while moment.year <= YEAR.maximum:
        yield moment
        moment += every


def _local(cron: Cron, floor: datetime) -> Iterator[datetime]:
    """Yield the local times that match, from some hours before `floor` on."""
    earliest = floor.replace(tzinfo=None) - _LONGEST_SHIFT
    hours, minutes = sorted(cron.hours), sorted(cron.minutes)
    for year in range(earliest.year, YEAR.maximum + 1):
        if year not in cron.years:
            continue
        for month in sorted(cron.months):
            if (year, month) < (earliest.year, earliest.month):
                continue
            for day in _days(cron.days, year, month):
                this = date(year, month, day)
                if this < earliest.date():
                    continue
                for hour in hours:
                    if this == earliest.date() and hour < earliest.hour:
                        continue
                    for minute in minutes:
                        yield datetime(year, month, day, hour, minute)


@lru_cache(maxsize=_MOST_KEPT)
def _days(days: Days, year: int, month: int) -> Sequence[int]:
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
