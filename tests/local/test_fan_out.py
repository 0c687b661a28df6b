"""A run over many items, on the embedded engine: a thousand by night, a hundred on a commit."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.drawn import whole

pytestmark = pytest.mark.engine

COUNT = 1000 if whole() else 100
FAILING = [7, 8, COUNT // 2]
FAILED = f"7-8,{COUNT // 2}"


@pytest.fixture
def start(engine):
    """Return what starts a run over so many items, three of which fail."""

    def starting(tolerated_failure_percent):
        name = engine.unique("many")
        fan_out = {
            "max_concurrency": 8,
            "tolerated_failure_percent": tolerated_failure_percent,
        }
        engine.put(engine.lambda_row(name, handler="code_under_test.one_item", fan_out=fan_out))
        engine.wait_for(name, "READY")
        items = [f"item {number}" for number in range(COUNT)]
        failing = [items[index] for index in FAILING]
        return name, engine.start(name, {"items": items, "failing": failing})

    return starting


def test_tolerated_failures_are_reported_and_all_results_kept(engine, start):
    name, execution = start(5)

    run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=300)

    output = json.loads(run["output"])
    results = output.pop("results")
    counts = {"items": COUNT, "succeeded": COUNT - len(FAILING), "failed": len(FAILING)}
    assert output == {**counts, "failed_items": FAILED}
    assert len(keys(engine, results)) == COUNT
    last = json.loads(engine.read(f"{results}succeeded/{COUNT - 1}.json"))
    assert re.fullmatch("[0-9a-f-]{36}", last.pop("request_id"))
    assert last == {
        "index": COUNT - 1,
        "status": "SUCCEEDED",
        "attempts": 1,
        "output": {"item": f"item {COUNT - 1}", "index": COUNT - 1, "count": COUNT},
    }
    failed = json.loads(engine.read(f"{results}failed/{COUNT // 2}.json"))
    assert (failed["index"], failed["status"]) == (COUNT // 2, "FAILED")
    assert f"no item {COUNT // 2}" in failed["cause"]
    assert engine.lock(name) is None


def test_failures_that_are_not_tolerated_fail_the_run(engine, start):
    name, execution = start(0)

    run = engine.wait_for_run(name, execution, "FAILED", timeout_seconds=300)

    assert run["error"] == "FanOutFailed"
    assert json.loads(run["cause"])["failed_items"] == FAILED
    assert engine.lock(name) is None


def test_stopping_a_run_stops_its_items_and_their_containers(engine):
    name = engine.unique("stops")
    command = ["python3", "-c", "import time; time.sleep(300)"]
    engine.put(engine.container_row(name, command=command, fan_out={"max_concurrency": 2}))
    engine.wait_for(name, "READY")
    execution = engine.start(name, {"items": ["a", "b", "c"]})
    engine.wait(lambda: len(engine.tasks(execution, "RUNNING")) == 2, "two containers")

    engine.provisioner("stop", name, "--reason", "enough")

    run = engine.wait_for_run(name, execution, "STOPPED")
    assert (run["error"], run["cause"]) == ("Stopped", "enough")
    engine.wait(lambda: not engine.tasks(execution, "RUNNING"), "the containers' end")
    engine.wait(lambda: engine.lock(name) is None, "the lock's release")


def keys(engine, uri):
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    pages = engine.client("s3").get_paginator("list_objects_v2")
    return [
        one["Key"]
        for page in pages.paginate(Bucket=bucket, Prefix=prefix)
        for one in page.get("Contents", [])
    ]
