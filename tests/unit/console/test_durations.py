"""How long a job's last runs took, as a picture and in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.console import durations
from provisioner.console.filters import MARKS
from provisioner.runs.model import RunStatus, iso
from provisioner.service.run_lines import line_of

BEGAN = datetime(2026, 11, 26, tzinfo=UTC)


def line(number, status, seconds=None, name="run"):
    began = BEGAN + timedelta(hours=number)
    row = {"job_name": "report", "trigger_id": f"{iso(began)}#{name}-{number}", "status": status}
    if seconds is not None:
        row["ended_at"] = iso(began + timedelta(seconds=seconds))
    return line_of(row)


def bars(shown):
    """Return the mark, the place and the height of each bar, from the left."""
    each = r'<a class="(\w+)".*?<rect[^>]*? x="([\d.]+)".*?height="(\d+)"'
    found = re.findall(each, shown.picture)
    return [(mark, float(x), int(high)) for mark, x, high in found]


def test_the_oldest_is_on_the_left_and_heights_are_durations():
    runs = [line(3, "SUCCEEDED", 40), line(2, "FAILED", 10), line(1, "SUCCEEDED", 20)]

    shown = durations.of_runs(runs, 30)

    marks, places, heights = zip(*bars(shown), strict=True)
    assert marks == ("good", "bad", "good")
    assert list(places) == sorted(places)
    assert heights == (28, 14, 56)
    assert shown.said == "10 s to 40 s; 2 succeeded, 1 failed"
    assert 'aria-hidden="true"' in shown.picture


@pytest.mark.parametrize("status", RunStatus)
def test_each_status_has_a_shape_besides_its_colour(status):
    others = [line(1, "SUCCEEDED", 10)]
    shown = durations.of_runs([line(2, status, 10), *others], 10)
    mark = MARKS[status]

    has_mark = f'href="#mark-{mark}"' in shown.picture
    is_outline = 'class="open"' in shown.picture
    assert [has_mark, is_outline].count(True) == (0 if status is RunStatus.SUCCEEDED else 1)
    assert f"<title>run-2 {status.replace('_', ' ').lower()}" in shown.picture


def test_a_run_that_has_not_ended_is_as_high_as_usual_and_stays_so():
    runs = [line(2, "RUNNING"), line(1, "SUCCEEDED", 40)]

    shown = durations.of_runs(runs, 20)

    assert bars(shown) == [("good", 0.0, 56), ("busy", 14.5, 27)]
    assert shown.said == "40 s; 1 succeeded, 1 running"


def test_a_skipped_run_has_no_duration():
    runs = [line(2, "SKIPPED", 0), line(1, "SUCCEEDED", 40)]

    assert durations.of_runs(runs, None).said == "40 s; 1 succeeded, 1 skipped"


@pytest.mark.parametrize("runs", [[], [line(1, "RUNNING")], [line(1, "SKIPPED", 0)]])
def test_nothing_is_drawn_without_a_duration(runs):
    assert durations.of_runs(runs, 10) is None


def test_names_of_others_are_text():
    evil = '"><script>alert(1)</script>\x1b'

    shown = durations.of_runs([line(1, evil, 1, name=evil)], None)

    assert "<script" not in shown.picture
    assert "\x1b" not in shown.picture + shown.said


def test_runs_that_end_at_once_or_before_they_begin():
    shown = durations.of_runs([line(2, "FAILED", -5), line(1, "SUCCEEDED", 0)], 0)

    assert [high for _, _, high in bars(shown)] == [2, 2]
