"""docs/reference/cost.md counts what a plain scheduled run of a function takes."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from pathlib import Path

import pytest

from provisioner.runs.usage import usage_of
from tests.functional.step_functions import StepFunctions
from tests.functional.workflow import test_workflow as workflow

table = workflow.table

COSTS = (Path(__file__).parents[3] / "docs/reference/cost.md").read_text()
PAGE = COSTS.partition("## One run\n")[2].partition("\n## ")[0]
"""The section that this is about: others have sums of their own."""
TICK = {"source": "schedule", "schedule": "nightly-0", "scheduled_for": "2026-11-21T09:00:00Z"}
INDEX_WRITES = {"Admit": 2, "Record": 3}
"""Of the run's row: a new entry of each index; then it changes in `runs_by_time`, and comes under
another `status` in `by_status`, which is a delete and a put."""


class Counting(StepFunctions):
    """Counts what is written in each transaction, by the size of the items as they are then."""

    def _call(self, resource, arguments):
        result = super()._call(resource, arguments)
        if resource.endswith("transactWriteItems"):
            stored = workflow.items(self.table)
            keys = [key_of(write) for write in arguments["TransactItems"]]
            units = [kilobytes(stored[key]) for key in keys]
            self.written.append((len(keys), 2 * sum(units)))  # DynamoDB: transactions cost twice
        return result


def key_of(write):
    [change] = write.values()
    return change.get("Item", change.get("Key"))["trigger_id"]["S"]


def kilobytes(item):
    """DynamoDB, item sizes: names and values in UTF-8; a number is smaller than its digits."""
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in item.items())
    assert all(isinstance(value, str | Decimal | dict) for value in item.values())
    return math.ceil(size / 1024)


def documented(what):
    [count] = re.findall(rf"^\| {what} \| ([\d.]+) \|", PAGE, re.MULTILINE)
    return float(count)


@pytest.fixture
def run(table):
    """A scheduled run with an ordinary input and output, and what it wrote."""
    counting = Counting(**vars(workflow.machine(workflow.LAMBDA, workflow.echo)))
    counting.table, counting.written = table, []
    done = counting.run("9f86d081-884c-4d65-9a2f-eaa0c55ad015", {"_run": TICK, "day": "2026-11-20"})
    assert done.status == "SUCCEEDED"
    return done, counting.written


def test_the_transitions_are_those_of_a_run(run):
    done, _ = run

    assert len(done.states) == documented("state transitions")


def test_the_writes_are_those_of_a_run(run, table):
    _, written = run
    kinds = {key.partition("#")[0][:4] for key in workflow.items(table)}
    index = sum(INDEX_WRITES.values()) * kilobytes(workflow.only_run(table))

    assert kinds == {"", "2026"}
    assert [items for items, _ in written] == [3, 2]
    assert sum(units for _, units in written) + index == documented("write request units")


@pytest.mark.usefixtures("run")
def test_the_estimate_counts_the_writes_of_the_page(table):
    row = workflow.only_run(table)
    assert kilobytes(row) == 1
    estimated = documented("write request units of its estimated cost")
    whole = documented("write request units") + estimated
    assert usage_of(row).write_units == whole


def test_the_sum_is_right():
    rows = re.findall(r"^\| [^|]+ \| ([\d.,]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    [total] = re.findall(r"^\| \*\*sum\*\* \| \| \| \*\*([\d.]+)\*\* \|$", PAGE, re.MULTILINE)
    costs = [float(count) * float(price) / 1000 for count, price, _ in rows]

    assert [float(cost) for _, _, cost in rows] == [round(cost, 4) for cost in costs]
    assert round(sum(costs), 3) == float(total)
