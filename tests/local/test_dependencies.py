"""A chain of three jobs on the embedded engine, with IAM enforced."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.engine


def test_a_chain_of_three(engine):
    first, second, third = (engine.unique(name) for name in ("extract", "clean", "publish"))
    engine.put(engine.lambda_row(first))
    engine.put(engine.lambda_row(second, depends_on=first))
    engine.put(engine.lambda_row(third, depends_on=[first, second]))
    for name in (first, second, third):
        engine.wait_for(name, "READY")

    execution = engine.start(first, {})

    engine.wait_for_run(first, execution, "SUCCEEDED")
    for name in (second, third):
        (run,) = engine.wait(lambda name=name: ended(engine, name), f"a run of {name}")
        assert (run["status"], run["source"]) == ("SUCCEEDED", "dependency")
    assert second in engine.runs(third)[0]["started_by"]


def ended(engine, name):
    return [run for run in engine.runs(name) if run["status"] not in {"QUEUED", "RUNNING"}]


def test_a_failure_stops_the_chain_and_a_circle_is_refused(engine):
    first, second = engine.unique("fails"), engine.unique("after")
    engine.put(engine.lambda_row(first, handler="code_under_test.raising"))
    engine.put(engine.lambda_row(second, depends_on=first))
    for name in (first, second):
        engine.wait_for(name, "READY")

    execution = engine.start(first, {})
    engine.wait_for_run(first, execution, "FAILED")
    engine.put(engine.lambda_row(first, depends_on=second))

    record = engine.wait_for(first, "INVALID")
    assert record["errors"][0]["field"] == "depends_on"
    assert engine.runs(second) == []
