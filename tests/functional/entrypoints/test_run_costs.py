"""What the end of a run leads to: its usage and cost on its row, and in the sum of the month.

The workflow's own definition writes the rows, over a real table.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest

from provisioner.aws.run_costs import RunCosts
from provisioner.entrypoints import run_stream
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import PermanentError
from provisioner.runs.cost import Cost, MonthlyCost
from provisioner.runs.usage import usage_of
from tests.functional.step_functions import TaskError
from tests.functional.workflow.test_machines import FAILED as MACHINE_FAILED
from tests.functional.workflow.test_machines import (
    INSUFFICIENT_CAPACITY,
    INTERRUPTED,
    REFUSED,
    Launches,
    ran,
)
from tests.functional.workflow.test_machines import SUCCESS as MACHINE
from tests.functional.workflow.test_workflow import (
    CONTAINER,
    LAMBDA,
    TABLE,
    echo,
    items,
    machine,
    only_run,
    table,
)
from tests.support.clients import CLIENTS
from tests.support.functions import Context, having
from tests.support.platforms import PLATFORM, SETTINGS

__all__ = ["table"]

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HERE = replace(SETTINGS, platform=replace(PLATFORM, region="us-east-1"))
ELSEWHERE = SETTINGS
SLOW = 2_000
NO_CAPACITY = INSUFFICIENT_CAPACITY[0]
ONE_SUBNET = {"network": {"subnets": ["subnet-0123456789abcdef0"]}}


@pytest.fixture
def costs(table, monkeypatch):
    assert table.name == TABLE
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return RunCosts(CLIENTS, TABLE, lambda: NOW)


def ended(trigger_id, status="SUCCEEDED"):
    keys = {"job_name": {"S": "nightly"}, "trigger_id": {"S": trigger_id}}
    return {"dynamodb": {"Keys": keys, "NewImage": {"status": {"S": status}}}}


class Kept:
    """Dead-letter messages."""

    def __init__(self):
        self.bodies = []

    def send(self, body, *_args, **_kwargs):
        self.bodies.append(body)


def estimate(costs, settings=HERE, records=None, **more):
    """Give the function the ends of all runs."""
    runtime = having(
        Runtime(settings, CLIENTS, clock=lambda: NOW),
        run_costs=costs,
        dead_letters=Kept(),
        dependency_starter=having_nothing_to_do(),
        jobs=having_nothing_to_do(),
        **more,
    )
    found = items(boto3.resource("dynamodb", region_name="eu-west-1").Table(TABLE), "2026")
    records = records or [ended(key, run["status"]) for key, run in found.items()]
    assert run_stream.handler({"Records": records}, Context(), runtime) == {"batchItemFailures": []}
    return runtime


def having_nothing_to_do():
    class Nothing:
        def start_dependants(self, _job_name):
            return ()

        def get_many(self, _names):
            return {}

    return Nothing()


def exits(code):
    return {"TaskArn": "arn:task", "Containers": [{"Name": "job", "ExitCode": code}]}


def test_a_run_has_its_usage_and_cost(table, costs):
    machine(LAMBDA, echo, memory_mb=1024).run("first", {})
    estimate(costs)

    run = only_run(table)
    assert run["usage"] == {
        "architecture": "arm64",
        "memory_mb": 1024,
        "seconds": Decimal("0.05"),
        "attempts": 1,
        "transitions": 4,
        "write_units": 21,
    }
    assert run["estimated_cost"] == Decimal("0.000113992")
    assert "estimated_cost_from" not in run
    assert costs.months("nightly", 3) == [
        MonthlyCost("2026-11", 1, Cost(run["estimated_cost"], run["estimated_cost"]), 0)
    ]


def test_a_run_counts_once_however_often_its_end_is_delivered(table, costs):
    for name in ("first", "second"):
        machine(LAMBDA, echo).run(name, {})
    for _ in range(3):
        estimate(costs)

    runs = items(table, "2026").values()
    [month] = costs.months("nightly", 3)
    assert (month.runs, month.unpriced) == (2, 0)
    assert month.cost.usd == sum(run["estimated_cost"] for run in runs)


def test_a_region_without_prices_has_no_figure(table, costs):
    machine(LAMBDA, echo).run("first", {})
    for _ in range(2):
        estimate(costs, ELSEWHERE)

    run = only_run(table)
    assert run["usage"]["seconds"] == Decimal("0.05")
    assert "estimated_cost" not in run
    assert costs.months("nightly", 3) == [MonthlyCost("2026-11", 1, Cost(Decimal(), Decimal()), 1)]


def test_months_come_newest_first(table, costs):
    for month, runs in (("2026-09", 1), ("2026-10", 2), ("2026-11", 3)):
        key = {"job_name": "nightly", "trigger_id": f"#cost#{month}"}
        table.put_item(Item=key | {"runs": runs, "estimated_cost": "damaged"})

    assert [(each.month, each.runs) for each in costs.months("nightly", 2)] == [
        ("2026-11", 3),
        ("2026-10", 2),
    ]


@pytest.mark.parametrize(
    "damage",
    [{"usage": "x"}, {"type": Decimal(1)}, {"status": "RUNNING"}, {"ended_at": "x"}],
    ids=str,
)
def test_a_damaged_row_ends_nothing(table, costs, damage):
    machine(LAMBDA, echo).run("first", {})
    run = only_run(table)
    table.put_item(Item=run | damage)

    estimate(costs, records=[ended(run["trigger_id"])])

    counted = costs.months("nightly", 3)
    assert bool(counted) is ("ended_at" in damage)


def test_what_fails_for_good_can_be_redriven(table, costs):
    machine(LAMBDA, echo).run("first", {})

    class Denied(RunCosts):
        def record(self, *_args):
            raise PermanentError("AccessDenied")

    runtime = estimate(Denied(CLIENTS, TABLE, lambda: NOW))
    [body] = runtime.dead_letters.bodies
    estimate(costs, records=json.loads(body)["Records"])

    assert only_run(table)["estimated_cost"]


def failing(_):
    raise TaskError("ValueError")


class TestTransitions:
    """`usage` counts them by how the run went; here is how it went."""

    def check(self, table, execution, name="first"):
        [run] = (run for key, run in items(table, "2026").items() if key.endswith(f"#{name}"))
        assert usage_of(run).transitions == len(execution.states), execution.states

    @pytest.mark.parametrize("given", [{}, {"text": "x" * 110_000}], ids=["small", "large"])
    def test_of_a_success(self, table, given):
        self.check(table, machine(LAMBDA, echo).run("first", given))

    @pytest.mark.parametrize("retries", [0, 1, 3])
    def test_of_a_failure(self, table, retries):
        self.check(table, machine(LAMBDA, failing, retries=retries).run("first", {}))

    def test_of_a_success_at_the_third_attempt(self, table):
        ends = iter([exits(1), exits(1), exits(0)])
        execution = machine(CONTAINER, lambda _: next(ends), retries=5).run("first", {})
        self.check(table, execution)

    @pytest.mark.parametrize(
        "ends",
        [[MACHINE], [MACHINE_FAILED], [MACHINE_FAILED, MACHINE_FAILED, MACHINE]],
        ids=["success", "failure", "third attempt"],
    )
    def test_of_a_machine(self, table, ends):
        self.check(table, ran(Launches(*ends), retries=len(ends) - 1))

    def test_of_a_container_s_result(self, table):
        steps = machine(CONTAINER, lambda _: exits(0), result=True)
        self.check(table, steps.run("first", {}))


def test_the_time_of_all_attempts_is_without_the_intervals_between_them(table):
    ends = iter([exits(1), exits(1), exits(0)])
    steps = machine(CONTAINER, lambda _: next(ends), retries=5, retry_interval_seconds=600)
    steps.run("first", {})

    run = only_run(table)
    assert run["duration_ms"] > 1_200_000
    assert run["work_ms"] < 3 * 1_000
    assert run["usage"] == {"architecture": "arm64", "vcpu": Decimal("0.25"), "memory_mb": 512}


def test_a_machine_has_a_cost_when_its_type_is_known(table, costs):
    ran(Launches(MACHINE), instance_type="m7g.large")
    estimate(costs)

    run = only_run(table)
    hourly = 0.0816 + 0.005 + 30 * 0.08 / 730
    assert float(run["estimated_cost"]) == pytest.approx(hourly / 60 + 5 * 0.000025, abs=5e-5)
    assert run["usage"]["instance_type"] == "m7g.large"


def test_of_several_types_the_row_says_which_it_was(table, costs):
    ran(Launches(NO_CAPACITY, MACHINE), instance_type=["c7g.large", "m7g.large"], **ONE_SUBNET)
    estimate(costs)

    run = only_run(table)
    assert run["instance_type"] == run["usage"]["instance_type"] == "m7g.large"
    assert run["estimated_cost"] > 0
    assert "estimated_cost_from" not in run


def test_an_attempt_that_failed_says_so_too_unless_nothing_was_launched(table):
    ran(Launches(MACHINE_FAILED), instance_type=["m7g.large", "c7g.large"])
    assert only_run(table)["instance_type"] == "m7g.large"


def test_a_launch_that_was_refused_has_no_type(table):
    ran(Launches(REFUSED))
    assert "instance_type" not in only_run(table)


def test_the_time_of_an_interrupted_attempt_counts(table):
    ran(Launches(INTERRUPTED, MACHINE), spot="prefer")

    run = only_run(table)
    assert run["attempts"] == 2
    assert run["usage"]["spot"] is True
    assert run["work_ms"] >= 100


class Children:
    """Batch, as far as the attempts of an array's children go."""

    def __init__(self, *attempts_ms, arrays=()):
        self.took = attempts_ms
        self.arrays = arrays

    def of_run(self, job_name, execution_name):
        assert (job_name, execution_name) == ("nightly", "first")
        return self.arrays

    def attempts_ms(self, ids, end):
        self.ids, self.end = ids, end
        return iter(self.took)


ARRAY = {"type": "batch", "cpu": 1024, "memory_mb": 2048, "array_size": 2}
HOUR = 0.03238 + 2 * 0.00356


def test_an_array_costs_what_its_children_cost(table, costs):
    ended = {"JobId": "1f", "Status": "SUCCEEDED", "Container": {}, "ArrayProperties": {"Size": 2}}
    machine(CONTAINER, lambda _: ended, **ARRAY).run("first", {})
    children = Children(60_000, 3_540_000)

    estimate(costs, batch_jobs=children)

    run = only_run(table)
    assert children.ids == ["1f:0", "1f:1"]
    assert (run["usage"]["seconds"], run["usage"]["attempts"]) == (3600, 2)
    assert float(run["estimated_cost"]) == pytest.approx(HOUR, abs=2e-4)


@pytest.fixture
def stopped(table):
    """Stop a run, as `run_events` does."""

    def stop(row, given, **changes):
        with pytest.raises(KeyboardInterrupt):
            machine(row, working_forever, **changes).run("first", given)
        run = only_run(table)
        over = {"status": "STOPPED", "ended_at": "2026-11-21T09:30:00.000Z", "duration_ms": 20_000}
        table.put_item(Item=run | over)

    return stop


def working_forever(_):
    raise KeyboardInterrupt


def test_a_stopped_array_costs_what_its_children_did_until_then(table, costs, stopped):
    stopped(CONTAINER, {}, **ARRAY)
    children = Children(60_000, 3_540_000, arrays=("2e",))

    estimate(costs, batch_jobs=children)

    assert children.ids == ["2e:0", "2e:1"]
    assert children.end == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert float(only_run(table)["estimated_cost"]) == pytest.approx(HOUR, abs=2e-4)


def test_an_array_that_batch_does_not_know_has_no_figure(table, costs, stopped):
    stopped(CONTAINER, {}, **ARRAY)
    estimate(costs, batch_jobs=Children())

    assert "estimated_cost" not in only_run(table)


def test_items_of_a_stopped_run_have_bounds(table, costs, stopped):
    stopped(LAMBDA, {"items": [1, 2, 3]}, fan_out={"max_concurrency": 2}, memory_mb=1024)
    assert only_run(table)["usage"]["items"] == 3
    estimate(costs)

    run = only_run(table)
    assert float(run["estimated_cost_from"]) == pytest.approx(3 * 0.000025, abs=5e-5)
    most = 2 * 20 * 0.0000133334 + (6 + 3 * 4) * 0.000025
    assert float(run["estimated_cost"]) == pytest.approx(most, abs=5e-5)


def test_items_cost_what_all_of_them_cost(table, costs):
    machine(LAMBDA, echo, fan_out={}, memory_mb=1024).run("first", {"items": [1, 2, 3]})
    estimate(costs)

    run = only_run(table)
    assert run["usage"]["attempts"] == run["item_count"] == 3
    assert run["usage"]["transitions"] == 5 + 3 * 3
    assert run["estimated_cost"] > 14 * Decimal("0.000025")
