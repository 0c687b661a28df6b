"""Five runs thrown at a slow job, under each policy, on the embedded engine with IAM enforced."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

pytestmark = pytest.mark.engine

RUNS = 5

POLICIES = {
    "skip": {"SUCCEEDED": 1, "SKIPPED": 4},
    "queue_one": {"SUCCEEDED": 2, "SKIPPED": 3},
    "queue_all": {"SUCCEEDED": 5},
    "allow": {"SUCCEEDED": 5},
}


def make(engine, policy, **row):
    name = engine.unique(policy.replace("_", "-"))
    engine.put(engine.lambda_row(name, handler="code_under_test.slow", overlap=policy, **row))
    engine.wait_for(name, "READY")
    return name


def throw(engine, name, seconds=4):
    """Start the first run, and the others in its middle; return their execution ARNs."""
    first = engine.start(name, {"seconds": seconds, "n": 0})
    engine.wait_for_run(name, first, "RUNNING")
    return [first, *(engine.start(name, {"seconds": 0, "n": n}) for n in range(1, RUNS))]


def settled(engine, name):
    """Return the job's runs once all have ended, oldest first."""

    def look():
        runs = engine.runs(name)
        ended = [run for run in runs if run["status"] not in {"RUNNING", "QUEUED"}]
        return len(ended) == RUNS and sorted(ended, key=lambda run: run["trigger_id"])

    return engine.wait(look, f"the end of {RUNS} runs of {name}")


def overlapping(runs):
    """Return the pairs of runs that were there at the same time."""
    worked = sorted((r["started_at"], r["ended_at"]) for r in runs if r["status"] == "SUCCEEDED")
    return [(one, other) for one, other in pairwise(worked) if other[0] < one[1]]


@pytest.mark.parametrize(("policy", "statuses"), POLICIES.items(), ids=POLICIES)
def test_five_runs(engine, policy, statuses):
    name = make(engine, policy)

    throw(engine, name)

    runs = settled(engine, name)
    assert Counter(run["status"] for run in runs) == statuses
    if policy != "allow":
        assert overlapping(runs) == []
        assert engine.lock(name) is None


def test_queued_runs_go_in_their_order(engine):
    name = make(engine, "queue_all")

    throw(engine, name)

    runs = sorted(settled(engine, name), key=lambda run: run["started_at"])
    order = [json.loads(run["input"])["n"] for run in runs]
    assert order == sorted(order)
    assert all("queued_at" in run for run in runs[1:])


def test_of_runs_that_start_at_once_and_cancel_others_the_latest_stays(engine):
    name = make(engine, "cancel_other")
    first = engine.start(name, {"seconds": 20, "n": 0})
    engine.wait_for_run(name, first, "RUNNING")

    with ThreadPoolExecutor(RUNS - 1) as pool:
        list(pool.map(lambda n: engine.start(name, {"seconds": 2, "n": n}), range(1, RUNS)))

    runs = settled(engine, name)
    assert runs[0]["trigger_id"].endswith(first.rpartition(":")[2])
    assert (runs[0]["status"], runs[-1]["status"]) == ("STOPPED", "SUCCEEDED")
    assert {run["status"] for run in runs[1:-1]} <= {"STOPPED", "SKIPPED"}


def test_a_queued_run_can_be_stopped(engine):
    name = make(engine, "queue_one")
    first = engine.start(name, {"seconds": 240})  # longer than the command takes on any machine
    engine.wait_for_run(name, first, "RUNNING")
    second = engine.start(name, {"seconds": 0})
    engine.wait_for_run(name, second, "QUEUED")

    engine.provisioner("stop", name, second.rpartition(":")[2], "--reason", "not today")

    run = engine.wait_for_run(name, second, "STOPPED")
    assert run["cause"] == "not today"
    assert run["stopped_by"].startswith("arn:")
    engine.stop(first)
    engine.wait_for_run(name, first, "STOPPED")


def test_a_running_container_can_be_stopped(engine):
    name = engine.unique("stopped")
    engine.put(
        engine.container_row(name, command=["python3", "-c", "import time; time.sleep(300)"])
    )
    engine.wait_for(name, "READY")
    execution = engine.start(name, {})
    engine.wait(lambda: engine.tasks(execution, "RUNNING"), "the container")

    engine.provisioner("stop", name, "--reason", "enough")

    run = engine.wait_for_run(name, execution, "STOPPED")
    assert (run["error"], run["cause"]) == ("Stopped", "enough")
    engine.wait(lambda: not engine.tasks(execution, "RUNNING"), "the end of the container")
    assert engine.lock(name) is None
