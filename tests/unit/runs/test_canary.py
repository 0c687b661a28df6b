"""Which run shows that a new deployment does not work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from provisioner.jobs import parse
from provisioner.runs.canary import (
    NOT_OF_THE_CODE,
    CanaryProgress,
    CanaryVerdict,
    progress,
    progress_of,
)
from templates import batch_job, ecs_job, lambda_job
from templates.machine import launch
from templates.workflow import programs
from tests.support.rows import ROW

SINCE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def run(name, status, *, began=1, ended=2, **more):
    """Return a run by the minutes after the deployment at which it began and ended."""
    at, end = (
        f"2026-11-26T{9 + minute // 60:02}:{minute % 60:02}:00.000Z" for minute in (began, ended)
    )
    return {"trigger_id": f"{at}#{name}", "status": status, "ended_at": end, **more}


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
    "nothing had room for it": (
        [
            run("a", "FAILED", ended=2, error="InsufficientCapacity"),
            run("b", "FAILED", ended=3, error="SpotInterruption"),
            run("c", "FAILED", ended=4, error="Stopped"),
            run("d", "FAILED", ended=5, error="ContainerFailed"),
        ],
        1,
        "d",
    ),
    "more was asked for than there is": (
        [run("a", "FAILED", error="JobStateTimeLimit")],
        1,
        "a",
    ),
}


@pytest.mark.parametrize(("runs", "count", "failed"), CASES.values(), ids=CASES)
def test_the_first_runs_decide_in_whatever_order_they_come(runs, count, failed):
    for order in permutations(runs):
        found = progress([*order, *order[:1]], SINCE, count)
        assert (found.verdict is CanaryVerdict.FAILED) == (failed is not None)
        assert failed is None or found.run.partition("#")[2] == failed


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
    "although nothing had room for one": (
        [
            run("a", "FAILED", ended=2, error="InsufficientCapacity"),
            run("b", "SUCCEEDED", ended=3),
            run("c", "SUCCEEDED", ended=4),
        ],
        2,
        "c",
    ),
}


@pytest.mark.parametrize(("runs", "count", "passed"), PASSED.values(), ids=PASSED)
def test_it_has_passed_when_all_that_decide_have_succeeded(runs, count, passed):
    for order in permutations(runs):
        found = progress(order, SINCE, count)
        assert (found.verdict is CanaryVerdict.PASSED) == (passed is not None)
        assert passed is None or found.run.partition("#")[2] == passed


@pytest.mark.parametrize(
    ("runs", "succeeded"),
    [([], 0), ([run("a", "SUCCEEDED")], 1), ([run("a", "SUCCEEDED"), run("b", "RUNNING")], 1)],
    ids=["none", "one", "another-runs"],
)
def test_it_counts_those_that_have_succeeded_so_far(runs, succeeded):
    assert progress(runs, SINCE, 3) == CanaryProgress(CanaryVerdict.OPEN, succeeded)


def test_a_failure_from_before_the_job_was_ready_again_is_not_held_against_it():
    """The row may have asked for something else and back; what has succeeded counts."""
    runs = [run("a", "SUCCEEDED", began=1), run("b", "FAILED", began=2, ended=3)]
    settled_at = SINCE + timedelta(minutes=5)

    assert progress(runs, SINCE, 2, settled_at) == CanaryProgress(CanaryVerdict.OPEN, 1)
    later = run("c", "FAILED", began=6, ended=7)
    assert progress([*runs, later], SINCE, 2, settled_at).run == later["trigger_id"]


class History:
    """Rows of runs, oldest first."""

    def __init__(self, *runs):
        self.runs = runs

    def begun_since(self, _job_name, moment, count):
        return [each for each in self.runs if each["trigger_id"] > moment][:count]

    def begun_before(self, _job_name, moment, count):
        return [each for each in self.runs if each["trigger_id"] < moment][-count:]


FAILED = run("c", "FAILED")
CANARY = ROW | {"deploy": {"canary": {"runs": 2}}}


@pytest.mark.parametrize(
    ("row", "runs", "days", "verdict"),
    [
        (CANARY, [FAILED], 1, CanaryVerdict.FAILED),
        (CANARY, [FAILED], 91, None),
        (CANARY | {"history_limit": 2}, [FAILED], 1, CanaryVerdict.FAILED),
        (CANARY | {"history_limit": 1}, [FAILED], 1, None),
        (CANARY | {"history_limit": 1}, [BEFORE, FAILED], 1, CanaryVerdict.FAILED),
        (CANARY | {"history_limit": 1}, [BEFORE | {"status": "RUNNING"}, FAILED], 1, None),
        (ROW, [FAILED], 1, None),
    ],
    ids=[
        "all-kept", "expired", "fewer-than-are-kept", "more-may-have-been-there",
        "those-before-are-kept", "those-before-have-not-ended", "no-canary",
    ],
)  # fmt: skip
def test_later_runs_decide_nothing_when_the_first_are_deleted(row, runs, days, verdict):
    found = progress_of(History(*runs), parse(row), SINCE, SINCE + timedelta(days=days))
    assert (found and found.verdict) == verdict


def test_nothing_but_what_aws_refused_for_the_moment_is_not_of_the_code():
    refusals = {*batch_job.REFUSALS, *ecs_job.REFUSALS, *lambda_job.REFUSALS, *launch.REFUSALS}
    ours = {"SpotInterruption", "Stopped", "Busy"}

    assert NOT_OF_THE_CODE - ours <= refusals
    assert programs.INSUFFICIENT_CAPACITY in NOT_OF_THE_CODE
    assert programs.SPOT_INTERRUPTION in NOT_OF_THE_CODE
    assert not NOT_OF_THE_CODE & {*lambda_job.NOT_READY, programs.ROLE_NOT_READY}
