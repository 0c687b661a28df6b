"""EventBridge Scheduler's expressions: cron(), rate() and at().

The grammar is that of "Schedule types" in the EventBridge Scheduler User Guide, with the forms of
the day fields that the service takes beyond it (``LW``, ``L-3``, ``FRIL``). An expression is kept
in one spelling, so that the same schedule written twice is seen as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from provisioner.jobs.errors import did_you_mean, invalid
from provisioner.jobs.values import each, text_list

MAX_SCHEDULES = 10
"""Ours: a schedule is a resource of the job's stack, numbered 0 to 9."""

MAX_EXPRESSION_CHARACTERS = 256
"""EventBridge Scheduler, ScheduleExpression."""

MAX_RATE = 999_999
"""Ours; nearly two years of minutes."""

_MOST_KEPT = 1_000
"""Fields that a process remembers: those of a thousand jobs are a hundred different ones or so."""

EXAMPLE = '"cron(0 6 * * ? *)", "rate(15 minutes)" or "at(2030-01-31T09:00:00)"'

_EXPRESSION = re.compile(r"\s*(?P<kind>[A-Za-z]+)\s*\((?P<body>[^()]*)\)\s*")
_RATE = re.compile(r"\s*([0-9]+)\s+([a-z]+)\s*", re.IGNORECASE)
_UNITS = ("minute", "hour", "day")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class CronField:
    """One of the six fields of cron(): its values, and the names that stand for some of them."""

    name: str
    minimum: int
    maximum: int
    names: tuple[str, ...] = ()
    wraps: bool = True

    def value(self, text: str) -> int:
        """Return the number that a value or a name stands for."""
        if text in self.names:
            return self.names.index(text) + 1
        if not (text.isascii() and text.isdigit() and len(text) <= 4):
            names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
            hint = did_you_mean(text, self.names)
            raise invalid(
                f'{self.name}: "{text}" is not {self.minimum} to {self.maximum}{names}{hint}'
            )
        if not self.minimum <= int(text) <= self.maximum:
            raise invalid(f"{self.name}: {text} is not within {self.minimum} to {self.maximum}")
        return int(text)


MINUTES = CronField("minutes", 0, 59)
HOURS = CronField("hours", 0, 23)
DAY_OF_MONTH = CronField("day of month", 1, 31)
MONTH = CronField("month", 1, 12, _MONTHS)
DAY_OF_WEEK = CronField("day of week", 1, 7, _WEEKDAYS)
YEAR = CronField("year", 1970, 2199, wraps=False)

_LAST_DAY = re.compile(r"L|LW|L-(?P<before>[1-9]|[12][0-9]|30)")
_NEAREST_WEEKDAY = re.compile(r"([0-9]+)W")
_LAST_WEEKDAY = re.compile(r"([0-9]+|[A-Z]+)L")
_NTH_WEEKDAY = re.compile(r"([0-9]+|[A-Z]+)#([0-9]+)")


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """These days of the month."""

    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last day of the month (``L``), or so many days before it (``L-3``)."""

    before: int


@dataclass(frozen=True, slots=True)
class NearestWeekday:
    """The Monday to Friday nearest to a day, in its month (``15W``); None: the last (``LW``)."""

    day: int | None


@dataclass(frozen=True, slots=True)
class DaysOfWeek:
    """These days of the week, 1 for Sunday."""

    weekdays: frozenset[int]


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """A day of the week for the nth time in its month (``6#3``); None: the last (``FRIL``)."""

    weekday: int
    nth: int | None


Days = DaysOfMonth | LastDay | NearestWeekday | DaysOfWeek | NthWeekday


@dataclass(frozen=True, slots=True)
class Cron:
    """cron(), as the values that each of its fields takes."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: Days
    months: frozenset[int]
    years: frozenset[int]


@dataclass(frozen=True, slots=True)
class Rate:
    """rate(); a day of it is 24 hours, whatever the clocks do."""

    text: str
    every: timedelta


@dataclass(frozen=True, slots=True)
class At:
    """at(): once, at a time of the schedule's zone."""

    text: str
    local: datetime


def expressions(value: object) -> tuple[str, ...]:
    """Check a row's schedule: one expression or a list of them."""
    texts = text_list(value)
    if len(texts) > MAX_SCHEDULES:
        raise invalid(f"has {len(texts)} expressions; at most {MAX_SCHEDULES} are allowed")
    one = isinstance(value, str)
    found = tuple(
        each((("" if one else f"[{index}]", text) for index, text in enumerate(texts)), expression)
    )
    repeated = next((text for text in found if found.count(text) > 1), None)
    if repeated:
        raise invalid(f'has "{repeated}" more than once')
    return found


def expression(text: str) -> str:
    """Check one expression and return it in its usual spelling (see `parse`)."""
    return parse(text).text


def parse(text: str) -> Cron | Rate | At:
    """Read one expression.

    Raises
    ------
    InvalidValueError
        With what is wrong in which field.
    """
    found = _EXPRESSION.fullmatch(text) if len(text) <= MAX_EXPRESSION_CHARACTERS else None
    if found is None:
        raise invalid(f"must be like {EXAMPLE}")
    match found["kind"].lower():
        case "cron":
            return _cron(found["body"].upper().split())
        case "rate":
            return _rate(found["body"])
        case "at":
            return _at(found["body"].strip())
        case kind:
            hint = did_you_mean(kind, ("cron", "rate"))
            raise invalid(f'"{kind}()" is none of cron(), rate() and at(){hint}')


def _rate(body: str) -> Rate:
    found = _RATE.fullmatch(body)
    if found is None:
        raise invalid('rate() takes a number and a unit, like "rate(15 minutes)"')
    number, unit = int(found[1]), found[2].lower().removesuffix("s")
    if unit not in _UNITS:
        raise invalid(f'rate() takes minutes, hours or days, not "{found[2]}"')
    if not 1 <= number <= MAX_RATE:
        raise invalid(f"rate() takes a whole number from 1 to {MAX_RATE}")
    return Rate(
        f"rate({number} {unit}{'s' if number > 1 else ''})", timedelta(**{f"{unit}s": number})
    )


def _at(body: str) -> At:
    if not _AT.fullmatch(body):
        raise invalid('at() takes a date and time without zone, like "at(2030-01-31T09:00:00)"')
    try:
        local = datetime.fromisoformat(body)
    except ValueError as error:
        raise invalid(f"at(): there is no such date and time as {body}") from error
    YEAR.value(str(local.year))
    return At(f"at({body})", local)


def _cron(fields: list[str]) -> Cron:
    if len(fields) != 6:
        hint = '; add a year: "*"' if len(fields) == 5 else ""
        raise invalid(
            "cron() takes 6 fields (minutes, hours, day of month, month, day of week, year), "
            f"not {len(fields)}{hint}"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise invalid("exactly one of day of month and day of week must be ?")
    in_months = _values(month, MONTH)
    return Cron(
        text=f"cron({' '.join(fields)})",
        minutes=_values(minutes, MINUTES),
        hours=_values(hours, HOURS),
        days=_days(day, in_months) if weekday == "?" else _weekdays(weekday),
        months=in_months,
        years=_values(year, YEAR),
    )


def _days(text: str, months: frozenset[int]) -> Days:
    if text == "LW":
        return NearestWeekday(None)
    if last := _LAST_DAY.fullmatch(text):
        return LastDay(int(last["before"] or 0))
    if nearest := _NEAREST_WEEKDAY.fullmatch(text):
        return NearestWeekday(DAY_OF_MONTH.value(nearest[1]))
    if "L" in text or "W" in text:
        raise invalid(
            "day of month: L, LW, L-3 and 15W stand alone; use a list of schedules for more"
        )
    days = _values(text, DAY_OF_MONTH)
    if min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise invalid("there is no such day in these months: the schedule would never run")
    return DaysOfMonth(days)


def _weekdays(text: str) -> Days:
    if text == "L":
        return DaysOfWeek(frozenset({DAY_OF_WEEK.maximum}))
    if last := _LAST_WEEKDAY.fullmatch(text):
        return NthWeekday(DAY_OF_WEEK.value(last[1]), None)
    if nth := _NTH_WEEKDAY.fullmatch(text):
        weekday = DAY_OF_WEEK.value(nth[1])
        if nth[2] not in ("1", "2", "3", "4", "5"):
            raise invalid(f"day of week: #{nth[2]} is not within #1 to #5")
        return NthWeekday(weekday, int(nth[2]))
    if "#" in text or re.search(r"L\b", text):
        raise invalid("day of week: 2#1 and FRIL stand alone; use a list of schedules for more")
    return DaysOfWeek(_values(text, DAY_OF_WEEK))


@lru_cache(maxsize=_MOST_KEPT)
def _values(text: str, field: CronField) -> frozenset[int]:
    """Return the values that a list of values, ranges and steps names.

    A list of jobs reads all their schedules, most of whose fields are alike.
    """
    values: set[int] = set()
    size = field.maximum - field.minimum + 1
    for part in text.split(","):
        span, slash, step = part.partition("/")
        by = _step(step, field) if slash else 1
        low, dash, high = span.partition("-")
        start = field.minimum if span == "*" else field.value(low)
        end = field.value(high) if dash else field.maximum if slash or span == "*" else start
        if start > end:
            if not field.wraps:
                raise invalid(f"{field.name}: {span} runs backwards")
            end += size
        values.update((n - field.minimum) % size + field.minimum for n in range(start, end + 1, by))
    return frozenset(values)


def _step(text: str, field: CronField) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= 4
    if not (digits and 1 <= int(text) <= field.maximum):
        raise invalid(f'{field.name}: the step "/{text}" is not within /1 to /{field.maximum}')
    return int(text)
