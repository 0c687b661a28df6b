"""All that write items of the Triggers table write the attributes of their kind, by their types."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest

from provisioner.aws.bulk_table import BulkTable
from provisioner.aws.concurrency_table import ConcurrencyTable
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.run_costs import RunCosts
from provisioner.aws.run_history import RunHistory
from provisioner.aws.triggers_table import TriggersTable
from provisioner.runs import keys
from provisioner.runs.cost import Cost
from provisioner.runs.listing import derived_of
from provisioner.runs.model import Pause, iso
from provisioner.runs.usage import usage_of
from tests.functional.step_functions import TaskError
from tests.functional.workflow.test_machines import ROW as MACHINE
from tests.functional.workflow.test_machines import SUCCESS, Launches
from tests.functional.workflow.test_workflow import (
    CONTAINER,
    LAMBDA,
    METADATA,
    TABLE,
    echo,
    items,
    machine,
    table,
)
from tests.support.clients import CLIENTS

__all__ = ["table"]  # a fixture

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KINDS = {
    keys.LOCK: keys.LOCK_FIELDS,
    keys.PAUSE: keys.PAUSE_FIELDS,
    keys.QUEUE: keys.QUEUE_FIELDS,
    keys.SCHEDULED_TIME_PREFIX: keys.SCHEDULED_TIME_FIELDS,
    keys.DEPENDANT_PREFIX: keys.DEPENDANT_FIELDS,
    keys.COST_PREFIX: keys.COST_FIELDS,
    keys.BULK_PREFIX: keys.BULK_FIELDS,
    "2": keys.RUN_FIELDS,
}


def failing(_):
    raise TaskError("ValueError", '{"requestId": "52fdfc07-2182-154f-163f-5f0f9a621d72"}')


def ended(_):
    stops = ("CreatedAt", "PullStartedAt", "PullStoppedAt", "StartedAt", "StoppedAt")
    times = {name: number * 1000 for number, name in enumerate(stops)}
    return {"TaskArn": "arn:task", "Containers": [{"Name": "job", "ExitCode": 0}], **times}


def in_an_array(_):
    return {"JobId": "1f", "Status": "SUCCEEDED", "ArrayProperties": {"Size": 2}}


def scanned():
    return boto3.client("dynamodb", region_name="eu-west-1").scan(TableName=TABLE)["Items"]


@pytest.fixture
def written(table, monkeypatch):
    """Write items of every kind, by all that write them; return them as DynamoDB has them."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    triggers = TriggersTable(CLIENTS, TABLE)
    found = []

    def during():
        steps.before.clear()
        steps.run("waits", {"a": 1})
        (first,) = (key for key in items(table) if key.endswith("#first"))
        triggers.note_pending("nightly", first, "It waits", iso(NOW))
        triggers.mark_stopping("nightly", first, by="ann", reason="enough")
        found.extend(scanned())

    steps = machine(LAMBDA, echo, overlap="cancel_other")
    steps.before["Run"] = during
    steps.run("first", {"_run": METADATA | {"by": "ann", "parent": "zero"}})
    machine(LAMBDA, failing, overlap="allow").run("fails", {})
    overrides = {"overrides": {"command": ["a"]}}
    container = machine(CONTAINER, ended, overlap="allow", allow_overrides=["command"], spot="only")
    container.run("container", {"_run": overrides})
    machine(LAMBDA, echo, overlap="allow", fan_out={}).run("items", {"items": [1]})
    array = {"type": "batch", "array_size": 2}
    machine(CONTAINER, in_an_array, overlap="allow", **array).run("array", {})
    machine(MACHINE, Launches(SUCCESS), overlap="allow").run("machine", {})
    (waits,) = (key for key in items(table) if key.endswith("#waits"))
    RunHistory(CLIENTS, TABLE).mark_alerted("nightly", waits, NOW)
    triggers.set_pause("nightly", Pause(paused=True, since="now", note="why"))
    triggers.end_pause("gone", NOW)
    slots = ConcurrencyTable(CLIENTS, TABLE)
    slots.acquire("nightly", "queue-1", 2, NOW)
    slots.mark_parked("nightly", NOW)
    (fails,) = (run for key, run in items(table).items() if key.endswith("#fails"))
    spot = Cost(Decimal(2), Decimal(1))
    costs = RunCosts(CLIENTS, TABLE, lambda: NOW)
    key = ("nightly", fails["trigger_id"])
    costs.record(*key, usage_of(fails), spot, "2026-11", derived_of(fails))
    operation = {"action": "stop_runs", "reason": "r", "by": "ann", "created_at": iso(NOW)}
    bulks = BulkTable(CLIENTS, TABLE)
    deleting = {"rows": {"a": "etag"}, "request": "digest"}
    bulks.put("one", operation | deleting | {"targets": ["a"], "done": 0, "failures": []}, NOW)
    bulks.advance("one", 0, 1, [{"target": "a/b", "message": "why"}])
    DependantsTable(CLIENTS, TABLE).change("report", before=(), after=("nightly",))
    return found + scanned()


def test_all_items_have_the_attributes_of_their_kind_and_no_others(written):
    seen = {kind: {} for kind in KINDS}
    for item in written:
        [kind] = [kind for kind in KINDS if item["trigger_id"]["S"].startswith(kind)]
        seen[kind] |= {name: next(iter(value)) for name, value in item.items()}

    for kind, fields in KINDS.items():
        assert seen[kind] == {**fields, "job_name": "S", "trigger_id": "S"}
