"""How many stacks may go at once because their rows are gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from provisioner.stacks.deletion_budget import WINDOW, Budget, Deletions, spend

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DEFAULT = Budget(jobs=20, percent=25)


def granted(count, all_jobs=0, budget=DEFAULT, every=timedelta(0)):
    """Return how many of so many deletions may begin, one after another."""
    deletions, gone = Deletions(all_jobs=all_jobs), 0
    for number in range(count):
        deletions, may = spend(deletions, f"job-{number}", budget, NOW + number * every)
        gone += may
    return gone


@pytest.mark.parametrize(
    ("count", "all_jobs", "budget", "gone"),
    [
        (20, 0, DEFAULT, 20),
        (60, 0, DEFAULT, 20),
        (60, 60, DEFAULT, 20),
        (60, 200, DEFAULT, 50),
        (60, 2000, DEFAULT, 60),
        (60, 60, Budget(0, 0), 0),
        (60, 60, Budget(0, 100), 60),
        (60, 0, Budget(20, 100), 60),
        (60, 20, Budget(20, 100), 60),
        (60, 60, Budget(5, 0), 5),
    ],
    ids=str,
)
def test_more_than_the_budget_does_not_go(count, all_jobs, budget, gone):
    assert granted(count, all_jobs, budget) == gone


def test_a_persons_pace_is_never_held():
    assert granted(500, every=WINDOW / 20) == 500


def test_the_same_deletion_counts_once():
    deletions = Deletions()
    for _ in range(50):
        deletions, may = spend(deletions, "one", Budget(1, 0), NOW)
        assert may
    assert not spend(deletions, "other", Budget(1, 0), NOW)[1]


@pytest.mark.parametrize(
    ("later", "may"),
    [(timedelta(0), True), (WINDOW - timedelta(seconds=1), True), (WINDOW, False)],
    ids=["at once", "within the window", "as a second deletion"],
)
def test_the_same_job_needs_no_more_room_within_the_window(later, may):
    deletions = Deletions({"one": NOW, "other": NOW + later})

    assert spend(deletions, "one", Budget(1, 0), NOW + later)[1] is may


def test_what_a_clock_gone_wrong_has_written_does_not_count():
    deletions = Deletions({f"job-{number}": NOW + timedelta(days=1) for number in range(50)})

    assert spend(deletions, "one", DEFAULT, NOW)[1]


@given(
    pauses=st.lists(st.integers(0, 400), max_size=60),
    budget=st.builds(Budget, st.integers(0, 5), st.integers(0, 50)),
    all_jobs=st.integers(0, 20),
)
def test_within_no_window_more_go(pauses, budget, all_jobs):
    deletions, now, begun = Deletions(all_jobs=all_jobs), NOW, []
    for number, seconds in enumerate(pauses):
        now += timedelta(seconds=seconds)
        deletions, may = spend(deletions, f"job-{number}", budget, now)
        begun += [now] * may

    most = max(budget.jobs, all_jobs * budget.percent // 100)
    for first in begun:
        assert sum(first <= at < first + WINDOW for at in begun) <= most
