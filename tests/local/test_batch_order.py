"""Jobs on Batch start by their priority. Alone, since they take all the capacity that there is."""

from __future__ import annotations

import pytest

from tests.support.batch import SLEEPS, batch_job, jobs_of

pytestmark = pytest.mark.engine

ALL_CAPACITY = {"cpu": 2048, "memory_mb": 4096, "overlap": "allow"}
RUN_SECONDS = 150
PRIORITIES = ("low", "normal", "high")


def wait_for_job(engine, execution, status):
    engine.wait(
        lambda: [job for job in jobs_of(engine, execution) if job["status"] == status],
        f"a job that is {status}",
        timeout_seconds=RUN_SECONDS,
    )


def test_jobs_start_by_their_priority(engine):
    names = {
        one: batch_job(engine, one, SLEEPS, **ALL_CAPACITY, priority=one) for one in PRIORITIES
    }
    first = engine.start(names["high"], {"seconds": 600})
    wait_for_job(engine, first, "RUNNING")
    runs = {}
    for one in PRIORITIES:
        runs[one] = engine.start(names[one], {"seconds": 0})
        wait_for_job(engine, runs[one], "RUNNABLE")

    engine.provisioner("stop", names["high"], first.rpartition(":")[2], "--reason", "make room")

    for one in PRIORITIES:
        engine.wait_for_run(names[one], runs[one], "SUCCEEDED", timeout_seconds=RUN_SECONDS)
    started = {one: jobs_of(engine, run)[0]["startedAt"] for one, run in runs.items()}
    assert sorted(started, key=started.get) == ["high", "normal", "low"]
