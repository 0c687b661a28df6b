"""Which schedules of a row can still be made, and what they do then is what the row forecasts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

import templates
from provisioner.jobs import parse, planned
from provisioner.jobs.planned_schedules import scheduled_times_of
from provisioner.jobs.scheduled_times import scheduled_times
from tests.support.platforms import PLATFORM

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PAST, FUTURE = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
CRON, PASSED, AHEAD = (
    *("cron(0 6 * * ? *)", "at(2026-11-21T08:59:00)"),
    "at(2026-12-01T00:00:00)",
)


def job(**schedule):
    row = {"job_name": "report", "type": "ecs", "image": "busybox", **schedule}
    return parse({name: value for name, value in row.items() if value is not None})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"schedule": CRON}, [(0, None, None)]),
        ({"schedule": CRON, "schedule_start": PAST}, [(0, None, None)]),
        ({"schedule": CRON, "schedule_start": FUTURE}, [(0, FUTURE, None)]),
        ({"schedule": CRON, "schedule_end": FUTURE}, [(0, None, FUTURE)]),
        ({"schedule": [CRON, "rate(1 day)"], "schedule_end": PAST}, []),
        ({"schedule": "cron(0 0 1 1 ? 2020)"}, []),
        ({"schedule": [PASSED, CRON, AHEAD]}, [(1, None, None), (2, None, None)]),
        ({"schedule": AHEAD, "schedule_end": PAST}, [(0, None, None)]),
        (
            {"schedule": "rate(1 day)", "schedule_start": PAST},
            [(0, "2026-11-22T00:00:00Z", None)],
        ),
        (
            {"schedule": "rate(7 hours)", "schedule_start": PAST, "schedule_end": FUTURE},
            [(0, "2026-11-21T15:00:00Z", FUTURE)],
        ),
        ({"schedule": "rate(1 day)", "schedule_start": FUTURE}, [(0, FUTURE, None)]),
    ],
    ids=[
        *("cron", "cron that began", "cron that begins", "cron that ends", "over", "past years"),
        *("at() that has passed", "at() knows no window"),
        *("rate on its own grid", "rate in a window", "rate that begins"),
    ],
)
def test_planned(row, expected):
    found = [
        (one.index, *(bound and bound.isoformat() for bound in (one.start, one.end)))
        for one in planned(job(**row), NOW)
    ]
    moments = [
        (index, *(bound and bound.replace("Z", "+00:00") for bound in bounds))
        for index, *bounds in expected
    ]
    assert found == moments


BOUNDS = st.none() | st.datetimes(datetime(2026, 11, 20), datetime(2026, 11, 24)).map(
    lambda moment: moment.isoformat(timespec="seconds")
)
EXPRESSIONS = st.lists(
    st.sampled_from(
        [
            *("rate(1 minute)", "rate(7 minutes)", "rate(5 hours)", "rate(1 day)", "rate(3 days)"),
            *("cron(0 6 * * ? *)", "cron(0/20 * * * ? *)", "cron(15 2 ? * SAT *)"),
            *("at(2026-11-21T08:00:00)", "at(2026-11-22T08:00:00)", "cron(0 0 1 1 ? 2020)"),
        ]
    ),
    min_size=1,
    max_size=4,
    unique=True,
)


def deployed(job, now):
    """Yield what EventBridge Scheduler does with the schedules of a template, as documented."""
    text = templates.to_json(templates.build(job, PLATFORM, now))
    for name, resource in json.loads(text)["Resources"].items():
        if resource["Type"] != "AWS::Scheduler::Schedule":
            continue
        said = resource["Properties"]
        start, end = (
            datetime.fromisoformat(said[bound]) if bound in said else None
            for bound in ("StartDate", "EndDate")
        )
        expression, zone = said["ScheduleExpression"], said["ScheduleExpressionTimezone"]
        assert start is None or start > now - timedelta(minutes=5), "refused by Scheduler"
        assert end is None or end > now, "refused by Scheduler"
        if expression.startswith("rate"):
            assert start is not None, "it would run at once"
        index = int(name.removeprefix("Schedule"))
        for moment in islice(scheduled_times(expression, zone, now, start=start, end=end), 20):
            yield moment, index


@given(
    expressions=EXPRESSIONS,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    start=BOUNDS,
    end=BOUNDS,
    seconds=st.integers(0, 3 * 86_400),
)
def test_what_is_deployed_is_what_is_forecast(expressions, zone, start, end, seconds):
    if start and end and end <= start:
        start = None
    written = job(schedule=expressions, timezone=zone, schedule_start=start, schedule_end=end)
    now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=seconds)

    forecast = [
        (tick.at, index)
        for index in range(len(expressions))
        for tick in islice(scheduled_times_of(written, index, now), 20)
    ]

    assert sorted(deployed(written, now)) == sorted(forecast)


@pytest.mark.parametrize(
    ("schedule", "start", "every"),
    [
        ("rate(1 day)", "2026-01-01T07:30:00Z", timedelta(days=1)),
        ("rate(1 day)", None, timedelta(days=1)),
        ("rate(7 minutes)", None, timedelta(minutes=7)),
        ("rate(5 hours)", "2026-11-20T23:59:59+01:00", timedelta(hours=5)),
    ],
    ids=["from-a-start", "by-its-name", "that-divides-no-hour", "from-a-start-between"],
)
def test_neither_an_edit_nor_a_retry_nor_a_new_stack_moves_the_rhythm(schedule, start, every):
    row = job(schedule=schedule, schedule_start=start)
    built = [NOW + timedelta(minutes=301 * n) for n in range(20)]

    starts = [one.start for moment in built for one in planned(row, moment)]

    assert len(starts) == len(built)
    assert len({(one - starts[0]) % every for one in starts}) == 1
    assert all(timedelta() < one - moment for one, moment in zip(starts, built, strict=True))


def test_dates_are_written_as_cloudformation_takes_them():
    written = job(schedule=CRON, schedule_start=FUTURE, schedule_end="2028-01-01T00:00:00.5+01:00")
    template = json.loads(templates.to_json(templates.build(written, PLATFORM, NOW)))
    properties = template["Resources"]["Schedule0"]["Properties"]
    assert properties["StartDate"] == "2027-01-01T00:00:00.000Z"
    assert properties["EndDate"] == "2027-12-31T23:00:00.000Z"
