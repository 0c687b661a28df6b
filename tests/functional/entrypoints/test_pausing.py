"""A schedule that pauses after failures: the workflow's definition, the stream, the command."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisioner.aws.triggers_table import TriggersTable
from provisioner.entrypoints import run_stream
from provisioner.runs.model import Pause
from tests.functional.aws.test_dependants import put_run
from tests.functional.entrypoints.test_entrypoints import put
from tests.functional.workflow.test_workflow import (
    LAMBDA,
    echo,
    free,
    items,
    machine,
    only_run,
    table,
)
from tests.support.clients import CLIENTS
from tests.support.functions import deliver

__all__ = ["table"]

TICK = {"schedule": "jobs-nightly-0", "scheduled_for": "2026-11-21T09:00:00Z"}
PAUSED = Pause(paused=True, since="2026-11-20T09:00:00.000Z", note="2 runs failed in a row")


def pause(table, status):
    table.put_item(Item={"job_name": "nightly", "trigger_id": "#pause", "status": status})


class TestWorkflow:
    @pytest.mark.parametrize("overlap", ["skip", "allow", "queue_all"])
    @pytest.mark.parametrize("tick", [TICK, {}], ids=["tick", "no-tick"])
    def test_a_scheduled_run_is_skipped(self, table, tick, overlap):
        pause(table, "PAUSED")

        machine(LAMBDA, echo, pause_on_failures=2, overlap=overlap).run(
            "first", {"_run": {"source": "schedule", **tick}}
        )

        run = only_run(table)
        assert (run["status"], run["error"]) == ("SKIPPED", "Paused")
        assert free(table)

    RUNS = (
        ("manual", "PAUSED", 2),
        ("schedule", "RESUMED", 2),
        ("schedule", None, 2),
        ("schedule", "PAUSED", None),
    )

    @pytest.mark.parametrize(("source", "status", "failures"), RUNS, ids=str)
    def test_others_go(self, table, source, status, failures):
        if status:
            pause(table, status)

        machine(LAMBDA, echo, pause_on_failures=failures).run(
            "first", {"_run": {"source": source, **TICK}}
        )

        assert only_run(table)["status"] == "SUCCEEDED"

    def test_a_scheduled_time_runs_once_all_the_same(self, table):
        steps = machine(LAMBDA, echo, pause_on_failures=2)

        for name in ("first", "second"):
            steps.run(name, {"_run": {"source": "schedule", **TICK}})

        assert [run["status"] for run in items(table, "2026").values()] == ["SUCCEEDED"]


@pytest.mark.usefixtures("bootstrap")
class TestStream:
    def fail(self, *times):
        for time in times:
            put_run("report", f"2026-11-21T0{time}:00:00.000Z#r", "FAILED")
        record = {
            "dynamodb": {
                "Keys": {"job_name": {"S": "report"}},
                "NewImage": {"status": {"S": "FAILED"}},
                "SequenceNumber": "1",
            }
        }
        assert deliver(run_stream, {"Records": [record]}) == {"batchItemFailures": []}

    @pytest.mark.parametrize(
        ("row", "times", "paused"),
        [({}, (1, 2), False), ({"pause_on_failures": {"N": "2"}}, (1, 2), True),
         ({"pause_on_failures": {"N": "2"}}, (1,), False)],
        ids=["unasked", "enough", "too-few"],
    )  # fmt: skip
    def test_the_row_says_after_how_many(self, row, times, paused):
        put(**row)

        self.fail(*times)

        found = TriggersTable(CLIENTS, "jobs-Triggers").pause("report")
        assert bool(found and found.paused) is paused

    def test_a_job_that_is_gone_or_invalid_pauses_nothing(self):
        self.fail(1, 2)
        put(pause_on_failures={"N": "1"}, memory_mb={"S": "much"})
        self.fail(3)

        assert TriggersTable(CLIENTS, "jobs-Triggers").pause("report") is None

    @pytest.mark.parametrize("is_paused", [True, False], ids=["paused", "not-paused"])
    def test_a_later_job_of_the_same_name_starts_with_no_failures(self, is_paused):
        put(pause_on_failures={"N": "2"})
        self.fail(1)
        triggers = TriggersTable(CLIENTS, "jobs-Triggers")
        if is_paused:
            triggers.set_pause("report", replace(PAUSED, since="2026-11-21T01:30:00.000Z"))

        triggers.end_pause("report", datetime(2026, 11, 21, 1, 45, tzinfo=UTC))

        self.fail(2)
        assert not triggers.pause("report").paused
        self.fail(3)
        assert triggers.pause("report").paused

    def test_after_resuming_it_counts_from_the_start(self):
        put(pause_on_failures={"N": "2"})
        resumed = Pause(paused=False, since="2026-11-21T02:30:00.000Z", note="by ann")
        TriggersTable(CLIENTS, "jobs-Triggers").set_pause("report", resumed)

        self.fail(1, 2, 3)

        assert TriggersTable(CLIENTS, "jobs-Triggers").pause("report") == resumed
