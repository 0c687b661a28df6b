"""The picture of a day: which lanes it has, where its bars are, and how little it takes."""

from __future__ import annotations

import gzip
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.console import timeline
from provisioner.service.run_lines import RunLine

NOW = datetime(2026, 11, 26, 9, 42, 17, tzinfo=UTC)


def run(name, began, ended, status="SUCCEEDED"):
    """Return a run of some minutes ago."""
    at = NOW - timedelta(minutes=began)
    return RunLine(
        run=f"schedule-{at:%Y%m%dT%H%M%S}",
        trigger_id=f"{at:%Y-%m-%dT%H:%M:%S.000Z}#schedule-{at:%Y%m%dT%H%M%S}",
        job_name=name,
        status=status,
        started_at=at,
        ended_at=None if ended is None else NOW - timedelta(minutes=ended),
        started_by=None,
        source="schedule",
        attempts=1,
        error=None,
        error_group=None,
        estimated_cost=None,
    )


def lanes(runs, now=NOW):
    return timeline.lanes(timeline.by_job(runs, now), now)


def bars(lane):
    found = re.findall(r'class="run (\w+)" x="(\d+)" y="\d+" width="(\d+)"', lane.picture)
    return [(mark, int(x), int(width)) for mark, x, width in found]


@pytest.mark.parametrize(
    ("runs", "drawn"),
    [
        ([run("a", 102, 42)], [("good", 1200, 60)]),
        ([run("a", 60, None, "RUNNING")], [("busy", 1242, 60)]),  # as long as it runs
        ([run("a", 2000, 1300)], [("good", 0, 2)]),  # from before the picture
        ([run("a", 10, 9.99, "FAILED")], [("bad", 1292, 3)]),  # wide enough to be seen
        ([run("a", 2000, 1900)], []),
    ],
    ids=["ended", "running", "earlier", "short", "before"],
)
def test_bars(runs, drawn):
    shown = lanes(runs)

    assert [each for lane in shown for each in bars(lane)] == [
        (mark, x, max(width, 3)) for mark, x, width in drawn
    ]


def test_each_job_has_a_lane_and_says_what_failed():
    runs = [run("b", 5, 4), run("a", 9, 8, "FAILED"), run("a", 30, 20)]

    shown = lanes(runs)

    assert [(lane.job_name, lane.said) for lane in shown] == [
        ("b", "1 run"),
        ("a", "2 runs, 1 failed"),
    ]


def test_it_changes_once_a_minute():
    runs = [run("a", 60, None, "RUNNING")]
    pictures = {
        lanes(runs, NOW + timedelta(seconds=seconds))[0].picture for seconds in range(0, 42, 5)
    }

    assert len(pictures) == 1


def test_a_thousand_runs_are_drawn_soon_and_small(capsys):
    runs = [
        run(f"job-number-{n % 50}", 1.2 * n + 1, 1.2 * n, ("SUCCEEDED", "FAILED")[n % 7 == 0])
        for n in range(1000)
    ]
    lanes(runs)
    begun = time.process_time()
    shown = lanes(runs)
    took = time.process_time() - begun
    size = len(gzip.compress("".join(lane.picture for lane in shown).encode()))

    with capsys.disabled():
        print(f"\n1,000 runs: {took * 1000:.0f} ms, {size / 1000:.0f} KB")
    assert len(shown) == 50
    assert size < 30_000
    assert took < 0.05
