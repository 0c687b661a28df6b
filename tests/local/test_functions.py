"""Functions of every kind, on the embedded engine with IAM enforcement on."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.engine

ORDERS = "order-totals"
"""An example, which `up` deploys."""


class TestNode:
    def test_a_node_function_runs(self, engine):
        orders = [{"customer": "Ada", "quantity": 2, "price": 600.25}]

        execution = engine.start(ORDERS, {"orders": orders})

        run = engine.wait_for_run(ORDERS, execution, "SUCCEEDED")
        assert json.loads(run["output"]) == {"orders": 1, "totals": {"Ada": "€1,200.50"}}

    def test_an_exception_fails_the_run_by_its_name(self, engine):
        orders = [{"customer": "Ada", "quantity": 0, "price": 1}]

        execution = engine.start(ORDERS, {"orders": orders})

        run = engine.wait_for_run(ORDERS, execution, "FAILED")
        assert run["error"] == "RangeError"
        assert "Ada has ordered 0 pieces" in run["cause"]

    def test_its_concurrency_is_reserved(self, engine):
        reserved = engine.client("lambda").get_function_concurrency(FunctionName=f"jobs-{ORDERS}")

        assert reserved["ReservedConcurrentExecutions"] == 1


def test_a_runtime_that_is_not_here_says_so(engine):
    name = engine.unique("ruby")
    engine.put(engine.lambda_row(name, runtime="ruby4.0"))
    engine.wait_for(name, "READY")

    execution = engine.start(name, {})

    run = engine.wait_for_run(name, execution, "FAILED")
    assert "ruby4.0 does not run on the embedded engine" in run["cause"]
