"""What a list shows of a job's runs, whatever the order in which it is heard."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from provisioner.runs.model import RunStatus
from provisioner.runs.recent import SHOWN, RecentRuns


def run(number, status="SUCCEEDED", took=None, **more):
    at = f"2026-11-21T09:{number // 60:02}:{number % 60:02}.000Z"
    duration = {} if took is None else {"duration_ms": Decimal(took)}
    return {
        "trigger_id": f"{at}#run-{number}",
        "status": status,
        "started_at": at,
        **duration,
        **more,
    }


def test_nothing():
    recent = RecentRuns()

    assert (recent.last, recent.strip) == ({}, ())
    assert recent.usual_seconds is recent.running_since is None


def test_the_last_run_is_the_last_to_come():
    recent = RecentRuns().with_runs([run(2, "FAILED", error="E", cause="long"), run(1)])

    assert recent.last["trigger_id"].endswith("run-2")
    assert recent.last["error"] == "E"
    assert "cause" not in recent.last
    assert recent.strip == ("SUCCEEDED", "FAILED")


def test_the_usual_duration_is_the_median_of_the_last_successes():
    slow = run(30, took=3_600_000)
    recent = RecentRuns().with_runs(
        [run(n, took=1000) for n in range(30)] + [slow, run(31, "FAILED")]
    )

    assert recent.usual_seconds == 1.0


def test_successes_count_although_twenty_others_came_since():
    skipped = [run(n, "SKIPPED") for n in range(1, 60)]

    assert RecentRuns().with_runs([run(0, took=2000), *skipped]).usual_seconds == 2.0


def test_what_runs_is_known_although_twenty_others_came_since():
    skipped = [run(n, "SKIPPED") for n in range(1, 60)]
    recent = RecentRuns().with_runs([run(0, "RUNNING"), *skipped])

    assert recent.running_since.isoformat() == "2026-11-21T09:00:00+00:00"
    assert recent.strip == (RunStatus.SKIPPED,) * SHOWN
    assert recent.with_run(run(0, took=1)).running_since is None


def test_what_is_written_after_the_end_stays():
    ended = run(1, "FAILED", error="E")
    recent = RecentRuns().with_runs([{**ended, "error_group": "E"}, ended])

    assert recent.last["error_group"] == "E"


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"trigger_id": "#lock", "status": "RUNNING"},
        {"trigger_id": 5, "status": "RUNNING"},
        run(1, "HELD"),
        run(1, None),
    ],
    ids=["empty", "lock", "key", "status", "none"],
)
def test_what_is_not_a_run(row):
    assert RecentRuns().with_run(row) == RecentRuns()


@pytest.mark.parametrize("took", ["soon", True, Decimal(-1), Decimal("1E+40"), {}, [1]], ids=str)
def test_what_is_not_a_duration_does_not_count(took):
    recent = RecentRuns().with_runs([{**run(1), "duration_ms": took}, run(2, took=1000)])

    assert (recent.usual_seconds, len(recent.strip)) == (1.0, 2)


@pytest.mark.parametrize("seed", range(20))
def test_order_and_repetition_do_not_matter(seed):
    chance = random.Random(seed)
    rows = []
    for number in range(chance.randint(1, 50)):
        end = chance.choice(["SUCCEEDED", "FAILED", "STOPPED"])
        past = [
            run(number, "QUEUED"),
            run(number, "RUNNING"),
            run(number, end, took=chance.randint(1, 9)),
        ]
        rows += past[: chance.randint(1, 3)]
    delivered = [*rows, *chance.choices(rows, k=10)]
    chance.shuffle(delivered)
    few = [row for row in delivered if int(row["trigger_id"].rpartition("-")[2]) < SHOWN]

    assert RecentRuns().with_runs(few) == RecentRuns().with_runs(sorted(few, key=_progress))
    assert RecentRuns().with_runs(delivered).strip == RecentRuns().with_runs(rows).strip


def _progress(row):
    order = ["QUEUED", "RUNNING"]
    return (row["trigger_id"], order.index(row["status"]) if row["status"] in order else 2)
