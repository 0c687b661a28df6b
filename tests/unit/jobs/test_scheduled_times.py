"""The times at which a schedule fires, against AWS's words and against a scan of every minute."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.jobs.errors import InvalidValueError
from provisioner.jobs.scheduled_times import all_come, comes, scheduled_times


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        pytest.param(
            "cron(0 6 * * ? *)", "UTC", "2026-01-01T06:00",
            ["2026-01-02T06:00", "2026-01-03T06:00"], id="strictly after",
        ),
        pytest.param(
            "cron(0/30 20-2/3 ? * MON-FRI 2026)", "UTC", "2026-01-02T20:00",
            ["2026-01-02T20:30", "2026-01-02T23:00"], id="wrapping range with a step",
        ),
        pytest.param(
            "cron(0 0 ? * SAT-SUN *)", "UTC", "2026-01-01T00:00",
            ["2026-01-03T00:00", "2026-01-04T00:00", "2026-01-10T00:00"], id="wrapping days",
        ),
        pytest.param(
            "cron(0 0 L * ? *)", "UTC", "2028-01-31T00:00",
            ["2028-02-29T00:00", "2028-03-31T00:00"], id="L",
        ),
        pytest.param(
            "cron(0 0 L-3 * ? *)", "UTC", "2026-01-31T00:00", ["2026-02-25T00:00"], id="L-3",
        ),
        pytest.param(
            "cron(0 0 LW * ? *)", "UTC", "2026-01-01T00:00",
            ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-31T00:00"], id="LW",
        ),
        pytest.param(
            "cron(0 0 15W * ? *)", "UTC", "2026-02-01T00:00",
            ["2026-02-16T00:00", "2026-03-16T00:00", "2026-04-15T00:00"], id="15W",
        ),
        pytest.param(
            "cron(0 0 1W 8 ? *)", "UTC", "2026-01-01T00:00", ["2026-08-03T00:00"],
            id="1W stays in its month",
        ),
        pytest.param(
            "cron(0 0 31W 5 ? *)", "UTC", "2026-01-01T00:00", ["2026-05-29T00:00"],
            id="31W stays in its month",
        ),
        pytest.param(
            "cron(0 0 ? * FRIL *)", "UTC", "2026-01-01T00:00",
            ["2026-01-30T00:00", "2026-02-27T00:00"], id="FRIL",
        ),
        pytest.param(
            "cron(0 0 ? * 6#3 *)", "UTC", "2026-01-01T00:00",
            ["2026-01-16T00:00", "2026-02-20T00:00"], id="6#3",
        ),
        pytest.param(
            "cron(0 0 ? * L *)", "UTC", "2026-01-01T00:00", ["2026-01-03T00:00"],
            id="L of the week",
        ),
        pytest.param(
            "cron(30 2 * 3 ? *)", "Europe/Berlin", "2026-03-28T00:00",
            ["2026-03-28T01:30", "2026-03-30T00:30"], id="skipped in spring",
        ),
        pytest.param(
            "cron(30 2 * 10 ? *)", "Europe/Berlin", "2026-10-24T12:00",
            ["2026-10-25T00:30", "2026-10-26T01:30"], id="once in autumn",
        ),
        pytest.param(
            "cron(30 1 * 11 ? *)", "America/New_York", "2026-10-31T12:00",
            ["2026-11-01T05:30", "2026-11-02T06:30"], id="once in autumn, New York",
        ),
        pytest.param(
            "cron(15 2 * 10 ? *)", "Australia/Lord_Howe", "2026-10-02T18:00",
            ["2026-10-04T15:15"], id="half an hour skipped",
        ),
        pytest.param("at(2026-07-01T09:00:00)", "Europe/Berlin", "2026-01-01T00:00",
            ["2026-07-01T07:00"], id="at",
        ),
        pytest.param("at(2026-07-01T09:00:00)", "UTC", "2026-07-01T09:00", [], id="at, past"),
        pytest.param("cron(0 0 L-30 2 ? *)", "UTC", "2026-01-01T00:00", [], id="never"),
        pytest.param(
            "at(2026-03-29T02:30:00)", "Europe/Berlin", "2026-01-01T00:00", [], id="at, skipped",
        ),
        pytest.param(
            "cron(0 0 L-28 2 ? *)", "UTC", "2026-01-01T00:00", ["2028-02-01T00:00"],
            id="L-28 only in leap years",
        ),
        pytest.param("cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00", [], id="past year"),
    ],
)  # fmt: skip
def test_next(expression, zone, after, expected):
    found = list(islice(scheduled_times(expression, zone, utc(after)), len(expected) or 1))
    assert found == [utc(text) for text in expected]


def test_rate_counts_24_hours_from_its_start_until_its_end():
    found = scheduled_times(
        "rate(1 day)", "Europe/Berlin", utc("2026-03-28T00:00"),
        start=utc("2026-03-27T08:00"), end=utc("2026-03-30T08:00"),
    )  # fmt: skip
    assert list(found) == [utc("2026-03-28T08:00"), utc("2026-03-29T08:00")]


def test_a_rate_ends_with_the_last_year_of_a_schedule():
    *_, last = scheduled_times("rate(1 day)", "UTC", utc("2199-12-30T00:00"))
    assert last.date().isoformat() == "2199-12-31"


def test_rate_begins_with_a_start_that_is_still_to_come():
    start = utc("2026-03-27T08:00")
    found = scheduled_times("rate(1 day)", "UTC", utc("2026-03-01T00:00"), start=start)
    assert list(islice(found, 2)) == [start, start + timedelta(days=1)]


@pytest.mark.parametrize("job_name", ["report", "nightly", "a"])
def test_rate_without_a_start_keeps_its_minute_whenever_it_is_asked(job_name):
    asked = [utc("2026-01-01T00:00") + timedelta(minutes=17 * n) for n in range(200)]
    found = {
        next(scheduled_times("rate(6 hours)", "UTC", after, job_name=job_name)) for after in asked
    }
    assert len({moment.hour % 6 * 60 + moment.minute for moment in found}) == 1
    assert {moment.second for moment in found} == {0}


def test_jobs_of_the_same_rate_need_not_meet():
    names = (f"job-{number}" for number in range(100))
    first = {
        next(scheduled_times("rate(1 day)", "UTC", utc("2026-01-01T00:00"), job_name=n))
        for n in names
    }
    assert len(first) > 80


def test_start_is_a_scheduled_time_and_end_is_not():
    found = scheduled_times(
        "cron(0 6 * * ? *)", "UTC", utc("2026-01-01T00:00"),
        start=utc("2026-01-03T06:00"), end=utc("2026-01-05T06:00"),
    )  # fmt: skip
    assert list(found) == [utc("2026-01-03T06:00"), utc("2026-01-04T06:00")]


@pytest.mark.parametrize(
    ("expression", "does"),
    [
        ("at(2026-03-29T01:30:00)", True),
        ("at(2026-03-29T02:30:00)", False),
        ("rate(1 hour)", True),
        ("cron(30 2 29 3 ? *)", True),
        ("cron(30 2 29 3 ? 2026)", False),
        ("cron(0 0 1 1 ? 2020)", True),
        ("cron(0 0 L-30 2 ? *)", False),
    ],
)
def test_a_schedule_comes_when_clocks_ever_show_its_time(expression, does):
    assert comes(expression, "Europe/Berlin") is does


@pytest.mark.parametrize(
    ("expressions", "problems"),
    [
        (("rate(1 hour)", "cron(0 0 1 * ? *)"), None),
        (("cron(0 0 L-30 2 ? *)",), [("", '"cron(0 0 L-30 2 ? *)" never comes in UTC')]),
        (
            ("rate(1 hour)", "cron(0 0 L-30 2 ? *)"),
            [("[1]", '"cron(0 0 L-30 2 ? *)" never comes in UTC')],
        ),
    ],
    ids=["all come", "the only one", "one of two"],
)
def test_schedules_that_never_come_are_named(expressions, problems):
    if problems is None:
        all_come(expressions, "UTC")
        return
    with pytest.raises(InvalidValueError) as error:
        all_come(expressions, "UTC")
    assert list(error.value.problems) == problems


WINDOWS = [
    ("Europe/Berlin", "2026-03-28T12:00"),
    ("Europe/Berlin", "2026-10-24T12:00"),
    ("America/New_York", "2026-03-07T12:00"),
    ("America/New_York", "2026-10-31T12:00"),
    ("Australia/Lord_Howe", "2026-10-03T00:00"),
    ("Australia/Lord_Howe", "2026-04-04T00:00"),
]
DAYS = {
    "* * ?": lambda _: True,
    "29-5 * ?": lambda day: day.day >= 29 or day.day <= 5,
    "? * SUN": lambda day: day.isoweekday() == 7,
    "? * SAT-SUN": lambda day: day.isoweekday() >= 6,
    "? * 1#1": lambda day: day.isoweekday() == 7 and day.day <= 7,
    "? * SUNL": lambda day: (
        day.isoweekday() == 7 and day.day + 7 > monthrange(day.year, day.month)[1]
    ),
}


@given(
    window=st.sampled_from(WINDOWS),
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=6),
    days=st.sampled_from(sorted(DAYS)),
)
def test_none_is_left_out_and_none_is_added(window, minutes, hours, days):
    zone, after = ZoneInfo(window[0]), utc(window[1])
    month_days = days.split()
    text = (
        f"cron({','.join(map(str, minutes))} {','.join(map(str, hours))} {' '.join(month_days)} *)"
    )
    scanned, seen = [], set()
    for passed in range(-1440, 2 * 1440 + 1):
        moment = after + timedelta(minutes=passed)
        local = moment.astimezone(zone).replace(tzinfo=None)
        if local in seen:
            continue
        seen.add(local)
        if passed > 0 and local.minute in minutes and local.hour in hours and DAYS[days](local):
            scanned.append(moment)
    last = after + timedelta(minutes=2 * 1440 + 1)
    assert list(scheduled_times(text, window[0], after, end=last)) == scanned
