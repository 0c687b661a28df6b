"""A run over a thousand items, on the embedded engine."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.engine

FAILING = [7, 8, 500]


@pytest.fixture
def start(engine):
    """Return what starts a run over a thousand items, three of which fail."""

    def starting(tolerated_failure_percent):
        name = engine.unique("many")
        fan_out = {
            "max_concurrency": 8,
            "tolerated_failure_percent": tolerated_failure_percent,
        }
        engine.put(engine.lambda_row(name, handler="code_under_test.one_item", fan_out=fan_out))
        engine.wait_for(name, "READY")
        items = [f"item {number}" for number in range(1000)]
        failing = [items[index] for index in FAILING]
        return name, engine.start(name, {"items": items, "failing": failing})

    return starting


def test_tolerated_failures_are_reported_and_all_results_kept(engine, start):
    name, execution = start(1)

    run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=300)

    told = json.loads(run["output"])
    results = told.pop("results")
    assert told == {"items": 1000, "succeeded": 997, "failed": 3, "failed_items": "7-8,500"}
    assert len(keys(engine, results)) == 1000
    last = json.loads(engine.read(f"{results}succeeded/999.json"))
    assert re.fullmatch("[0-9a-f-]{36}", last.pop("request_id"))
    assert last == {
        "index": 999,
        "status": "SUCCEEDED",
        "attempts": 1,
        "output": {"item": "item 999", "index": 999, "count": 1000},
    }
    failed = json.loads(engine.read(f"{results}failed/500.json"))
    assert (failed["index"], failed["status"]) == (500, "FAILED")
    assert "no item 500" in failed["cause"]
    assert engine.lock(name) is None


def test_failures_that_are_not_tolerated_fail_the_run(engine, start):
    name, execution = start(0)

    run = engine.wait_for_run(name, execution, "FAILED", timeout_seconds=300)

    assert run["error"] == "FanOutFailed"
    assert json.loads(run["cause"])["failed_items"] == "7-8,500"
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
