"""What of a job's schedule still lies ahead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisioner.jobs import as_of, parse, spec_digest

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PAST, FUTURE = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"


def job(**times):
    return parse(
        {
            "job_name": "report",
            "type": "ecs",
            "image": "busybox",
            "schedule": "rate(1 day)",
            **times,
        }
    )


@pytest.mark.parametrize(
    ("times", "start", "end", "schedules"),
    [
        ({}, None, None, 1),
        ({"schedule_start": PAST}, None, None, 1),
        ({"schedule_start": FUTURE}, FUTURE, None, 1),
        ({"schedule_start": PAST, "schedule_end": FUTURE}, None, FUTURE, 1),
        ({"schedule_end": PAST}, None, None, 0),
    ],
    ids=["none", "began", "begins", "between", "over"],
)
def test_as_of(times, start, end, schedules):
    written = job(**times)

    now = as_of(written, NOW)

    assert (now.schedule_start, now.schedule_end, len(now.schedule)) == (start, end, schedules)
    assert spec_digest(written) == spec_digest(job(**times))
