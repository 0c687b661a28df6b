"""What a list shows of a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.jobs.row_summary import RowSummary
from provisioner.jobs.scheduled_times import scheduled_times

NOW = datetime(2026, 3, 28, 23, 58, tzinfo=UTC)
"""Clocks in Berlin change on the day after."""

SCHEDULES = [
    ("rate(1 minute)",),
    ("rate(7 minutes)", "cron(0 * * * ? *)"),
    ("cron(30 2 * * ? *)",),
    ("at(2026-03-29T00:00:30)",),
    ("at(2020-01-01T00:00:00)",),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@given(seconds=st.lists(st.floats(0, 300), min_size=2, max_size=5))
def test_the_next_time_is_the_first_one_after_now(schedule, seconds):
    summary = RowSummary(schedule=schedule, timezone="Europe/Berlin")
    for now in (NOW + timedelta(seconds=each) for each in seconds):
        each = (
            next(scheduled_times(text, "Europe/Berlin", now, job_name="report"), None)
            for text in schedule
        )
        expected = min((at for at in each if at is not None), default=None)

        assert summary.next_after("report", now) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"paused": True},
        {"schedule_enabled": False},
        {"schedule": ("often",)},
        {"schedule_start": "soon"},
    ],
    ids=str,
)
def test_no_next_time(changes):
    summary = RowSummary(**{"schedule": ("rate(1 hour)",), **changes})

    assert summary.next_after("report", NOW) is None
