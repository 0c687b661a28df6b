"""Which run shows that a new deployment does not work."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from provisioner.runs.canary import first_failure, passed_by

SINCE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def run(name, status, *, began=1, ended=2):
    """Return a run by the minutes after the deployment at which it began and ended."""
    at, end = (
        f"2026-11-26T{9 + minute // 60:02}:{minute % 60:02}:00.000Z" for minute in (began, ended)
    )
    return {"trigger_id": f"{at}#{name}", "status": status, "ended_at": end}


BEFORE = {"trigger_id": "2026-11-26T08:59:59.000Z#before", "status": "FAILED",
          "ended_at": "2026-11-26T09:05:00.000Z"}  # fmt: skip
CASES = {
    "none": ([], 3, None),
    "all succeeded": ([run("a", "SUCCEEDED"), run("b", "SUCCEEDED")], 2, None),
    "the first failed": ([run("a", "FAILED")], 3, "a"),
    "the last of them timed out": (
        [run("a", "SUCCEEDED", ended=2), run("b", "TIMED_OUT", ended=3)],
        2,
        "b",
    ),
    "one too late to decide": (
        [run("a", "SUCCEEDED", ended=2), run("b", "FAILED", ended=3)],
        1,
        None,
    ),
    "the first to end, not to begin": (
        [run("a", "FAILED", began=1, ended=9), run("b", "SUCCEEDED", began=2, ended=3)],
        1,
        None,
    ),
    "stopped and skipped": (
        [
            run("a", "STOPPED", ended=2),
            run("b", "SKIPPED", ended=2),
            run("c", "RUNNING"),
            run("d", "FAILED", ended=5),
        ],
        1,
        "d",
    ),
    "began before": ([BEFORE], 3, None),
}


@pytest.mark.parametrize(("runs", "count", "failed"), CASES.values(), ids=CASES)
def test_the_first_runs_decide_in_whatever_order_they_come(runs, count, failed):
    for order in permutations(runs):
        found = first_failure([*order, *order[:1]] if count > 2 else order, SINCE, count)
        assert (found and found["trigger_id"].partition("#")[2]) == failed


PASSED = {
    "not yet": ([run("a", "SUCCEEDED")], 2, None),
    "by the last to end": (
        [run("a", "SUCCEEDED", began=1, ended=9), run("b", "SUCCEEDED", began=2, ended=3)],
        2,
        "a",
    ),
    "others after that change nothing": (
        [
            run("a", "SUCCEEDED", ended=2),
            run("b", "FAILED", ended=3),
            run("c", "SUCCEEDED", ended=4),
        ],
        1,
        "a",
    ),
    "one of them failed": (
        [
            run("a", "SUCCEEDED", ended=2),
            run("b", "FAILED", ended=3),
            run("c", "SUCCEEDED", ended=4),
        ],
        2,
        None,
    ),
    "began before": ([BEFORE | {"status": "SUCCEEDED"}], 1, None),
}


@pytest.mark.parametrize(("runs", "count", "passed"), PASSED.values(), ids=PASSED)
def test_it_has_passed_when_all_that_decide_have_succeeded(runs, count, passed):
    for order in permutations(runs):
        found = passed_by(order, SINCE, count)
        assert (found and found["trigger_id"].partition("#")[2]) == passed
