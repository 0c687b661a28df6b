"""Items of the Triggers table that somebody has damaged: a job's runs go on all the same.

The workflow's conditions and `RunControl` over a real table, as in test_waiting_runs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from provisioner.aws.dependants import DependantsTable
from provisioner.aws.run_history import RunHistory
from provisioner.aws.run_items import open_run_of
from provisioner.aws.triggers_table import TriggersTable
from provisioner.entrypoints import sweep_runs
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import PermanentError
from provisioner.runs.model import EndedExecution, Pause, RunStatus, Success
from tests.functional.workflow.test_waiting_runs import ARN, crowd, drain, world
from tests.functional.workflow.test_workflow import TABLE, items
from tests.support.clients import CLIENTS
from tests.support.functions import having
from tests.support.platforms import PLATFORM, SETTINGS
from tests.support.tables import make_table

__all__ = ["world"]


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("s3", region_name="eu-west-1").create_bucket(
            Bucket=PLATFORM.artifacts_bucket,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        make_table(dynamodb, TABLE, "job_name", "trigger_id", index=("status", "started_at"))
        yield boto3.resource("dynamodb", region_name="eu-west-1").Table(TABLE)


def put(here, trigger_id, **attributes):
    here.executions.table.put_item(
        Item={"job_name": "nightly", "trigger_id": trigger_id, **attributes}
    )


def sweep(here):
    own = having(Runtime(SETTINGS, CLIENTS), run_control=here.control, triggers=here.control.runs)
    now = here.steps.now + timedelta(hours=1)
    return sweep_runs.complete_ended_runs(own, now), sweep_runs.start_waiting_runs(own, now)


LATER = 1_800_000_000  # epoch seconds, weeks after the runs of these tests
GONE = "2026-11-21T08:00:00.000Z#gone"
LOCKS = {
    "its key alone": {},
    "an owner without a lease": {"owner": "x"},
    "a lease that is a text": {"owner": "x", "lease_until": "tomorrow"},
    "a lease for ever": {"owner": "x", "lease_until": 10**12},
    "an owner that is a number": {"owner": 7, "lease_until": LATER},
    "waiting is a text": {"waiting": GONE},
    "waiting is a list": {"waiting": [GONE]},
    "waiting is a number": {"waiting": 1},
    "those that wait are gone": {"waiting": {GONE, "zzz", "#lock", "2026"}},
    "one in the far future cancels all": {"cancels": "9999-01-01T00:00:00.000Z#x"},
    "what cancels is a number": {"cancels": 7},
    "an execution that is a number": {"owner": "x", "lease_until": 1, "execution_arn": 7},
}


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_a_damaged_lock_skips_no_more_than_one_run(world, lock):
    here = world("skip")
    put(here, "#lock", **lock)

    here.run("a")
    drain(here)
    here.run("b")

    assert here.statuses()["b"] == "SUCCEEDED"
    assert "owner" not in items(here.executions.table)["#lock"]


@pytest.mark.parametrize("overlap", ["queue_all", "queue_one", "cancel_other"])
@pytest.mark.parametrize("waiting", [GONE, [GONE], 1], ids=["text", "list", "number"])
def test_a_damaged_lock_that_is_held_skips_no_more_than_one_run(world, overlap, waiting):
    here = world(overlap)
    put(here, "#lock", owner="x", lease_until=LATER, waiting=waiting)

    here.run("meanwhile")

    assert here.look() is None
    here.run("b")
    assert here.statuses()["b"] == "QUEUED"
    here.control.runs.release("nightly", "x")
    drain(here)

    assert here.statuses()["b"] == "SUCCEEDED"
    assert here.row("meanwhile")["status"] == "SKIPPED"
    assert "waiting" not in items(here.executions.table)["#lock"]


def test_runs_that_wait_for_a_lock_that_was_deleted_wait_again(world):
    here = crowd(world, "queue_all", "a", "b", "c")
    here.executions.table.delete_item(Key={"job_name": "nightly", "trigger_id": "#lock"})
    assert here.look() is None

    assert sweep(here) == (0, 1)
    drain(here)

    assert set(here.statuses().values()) == {"SUCCEEDED"}
    assert here.row("b")["started_at"] < here.row("c")["started_at"]


def test_those_that_wait_behind_an_execution_that_is_gone_start(world):
    """The row of the run that holds the lock was deleted, and the end of its execution missed."""
    here = crowd(world, "queue_all", "a", "b")
    put(here, "#lock", owner="x", execution_arn=ARN + "x", lease_until=LATER, run_id=GONE)

    assert sweep(here) == (0, 1)

    assert here.statuses() == {"a": "SUCCEEDED", "b": "SUCCEEDED", "gone": "STOPPED"}


def test_a_lock_that_names_another_execution_than_its_owner_is_waited_for(world):
    here = crowd(world, "cancel_other", "a", "b")
    run = here.row("b")["trigger_id"]
    held = {"owner": "x", "execution_arn": ARN + "y", "lease_until": LATER}
    put(here, "#lock", **held, waiting={run}, cancels=run)

    assert here.look() is None

    assert here.statuses()["b"] == "QUEUED"


RUNS = {
    "a year for a time": {"started_at": "2020", "execution_arn": ARN + "gone"},
    "a time without a zone": {"started_at": "2020-01-01T00:00", "execution_arn": ARN + "gone"},
    "no execution": {"started_at": "2020-01-01T00:00:00.000Z"},
    "an execution that is a list": {"started_at": "2020", "execution_arn": [1]},
}


@pytest.mark.parametrize("row", RUNS.values(), ids=RUNS)
def test_a_damaged_row_keeps_the_sweep_from_no_other(world, row):
    here = world("skip")
    put(here, GONE, status="RUNNING", **row)
    put(here, "rubbish", status="RUNNING", started_at="2020")
    healthy = "2026-11-21T08:00:00.000Z#healthy"
    put(here, healthy, status="RUNNING", started_at=healthy[:24], execution_arn=ARN + "healthy")

    ended, _ = sweep(here)

    has_arn = isinstance(row.get("execution_arn"), str)
    assert here.row("healthy")["status"] == "STOPPED"
    assert here.row("gone")["status"] == ("STOPPED" if has_arn else "RUNNING")
    assert ended == (2 if has_arn else 1)


WAITING = {
    "without input": {"starts": 0},
    "an input that is a number": {"starts": 0, "input": 7},
    "an input that is no JSON": {"starts": 0, "input": "{"},
    "an input nobody may read": {"starts": 0, "input": "s3://another-bucket/key"},
    "a count that is a text": {"starts": "many", "input": "{}"},
    "overrides that are no JSON": {"starts": 0, "input": "{}", "overrides": "{"},
    "deep overrides": {"starts": 0, "input": "{}", "overrides": "[" * 100_000},
}


@pytest.mark.parametrize("row", WAITING.values(), ids=WAITING)
def test_a_damaged_run_that_waits_fails_and_the_next_one_starts(world, row):
    here = crowd(world, "queue_all", "a", "b", "c")
    put(here, here.row("b")["trigger_id"], status="QUEUED", started_at="2026", **row)

    assert drain(here) == ["c"]

    assert here.statuses() == {"a": "SUCCEEDED", "b": "FAILED", "c": "SUCCEEDED"}
    assert here.row("b")["error"] == "InputLost"


def test_damaged_rows_are_neither_a_success_nor_a_pause(table):
    for number, row in enumerate(({}, {"duration_ms": "long"}, {"duration_ms": [1]})):
        item = {"job_name": "nightly", "trigger_id": f"2026-01-0{number}#x", "status": "SUCCEEDED"}
        table.put_item(Item=item | row)
    table.put_item(Item={"job_name": "nightly", "trigger_id": "2026-02#x"})
    table.put_item(Item={"job_name": "nightly", "trigger_id": "#pause", "status": "PAUSED"})

    table.put_item(Item={"job_name": "nightly", "trigger_id": "#dependant#x", "needs": 7})

    dependants = DependantsTable(CLIENTS, TABLE)
    assert (dependants.of("nightly"), dependants.last_started_at("nightly")) == ({}, "2026-01-02")
    assert dependants.last_success("nightly") == Success("2026-01-02#x", "")
    assert RunHistory(CLIENTS, TABLE).durations_ms("nightly", "2027", 10) == []
    assert TriggersTable(CLIENTS, TABLE).pause("nightly") == Pause(paused=True, since="", note="")
    assert TriggersTable(CLIENTS, TABLE).prune("nightly", 5) == 0


@pytest.mark.parametrize(
    "row", [{}, {"status": "WELL", "execution_arn": "arn"}, {"status": "RUNNING"}]
)
def test_a_damaged_row_cannot_be_stopped_and_says_so(row):
    with pytest.raises(PermanentError, match="2026#x of nightly has no status or execution"):
        open_run_of({"job_name": "nightly", "trigger_id": "2026#x", **row})


def test_an_execution_of_a_damaged_row_ends_it(table):
    run = "2026-01-01T00:00:00.000Z#x"
    table.put_item(Item={"job_name": "nightly", "trigger_id": run, "status": "RUNNING"})
    at = TriggersTable(CLIENTS, TABLE)
    now = datetime(2026, 11, 21, tzinfo=UTC)

    assert at.end(EndedExecution("nightly", "x", ARN, RunStatus.FAILED, now, now, waited=run))

    assert items(table)[run]["status"] == "FAILED"
