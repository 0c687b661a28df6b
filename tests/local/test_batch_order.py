"""Jobs on Batch start by their priority. Alone, since they take all the capacity that there is."""

from __future__ import annotations

import functools

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


def pending_reason(engine, name, execution):
    """Return why a run's job waits, as its row says it, if the run has one by now."""
    suffix = execution.rpartition(":")[2]
    found = (run for run in engine.runs(name) if run["trigger_id"].endswith(suffix))
    return next(found, {}).get("pending_reason")


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
    behind = engine.start(names["low"], {"seconds": 0})
    for execution, place in ((runs["low"], 1), (behind, 2)):
        reason = engine.wait(
            functools.partial(pending_reason, engine, names["low"], execution),
            "the reason of waiting",
            timeout_seconds=RUN_SECONDS,
        )
        assert reason == f"is number {place} in the queue {engine.outputs['Prefix']}_low"
        assert reason in engine.provisioner("runs", names["low"], "-o", "json")

    engine.provisioner("stop", names["high"], first.rpartition(":")[2], "--reason", "make room")

    for one in PRIORITIES:
        engine.wait_for_run(names[one], runs[one], "SUCCEEDED", timeout_seconds=RUN_SECONDS)
    engine.wait_for_run(names["low"], behind, "SUCCEEDED", timeout_seconds=RUN_SECONDS)
    begun = functools.partial(pending_reason, engine, names["low"], behind)
    engine.wait(lambda: begun() is None, "the reason's removal")
    started = {one: jobs_of(engine, run)[0]["startedAt"] for one, run in runs.items()}
    assert sorted(started, key=started.get) == ["high", "normal", "low"]
