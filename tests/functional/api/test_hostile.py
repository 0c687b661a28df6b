"""Whatever stands in a table, every read answers as it is described, and its neighbours with it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from provisioner.api.routes import ROUTES
from provisioner.aws.items import to_dynamodb
from tests.functional.cli.test_hostile_text import HOSTILE, world
from tests.support.api import by_scopes
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

__all__ = ["world"]

ODD = {
    "texts": HOSTILE,
    "a number": 1,
    "a fraction": Decimal("1E+99") / 7,
    "true": True,
    "null": None,
    "a list": [{"a": [HOSTILE]}, None],
    "a map": {HOSTILE: {"a": [1]}, "since": 5, "environment": {"A": "hunter2"}},
    "a set": {"b", "a"},
    "bytes": b"\xff\x00",
    "deep": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": [[[[]]]]}}}}}}}},
}
RUN = (
    *("status", "started_at", "ended_at", "queued_at", "started_by", "source", "attempts", "error"),
    *("error_group", "estimated_cost", "estimated_cost_from", "input", "output", "overrides"),
    *("cause", "usage", "parent", "log_stream", "request_id", "execution_arn", "exit_code"),
    *("scheduled_for", "stop_reason", "pull_ms", "start_ms", "queued_ms"),
)
ENTRY = (
    *("action", "caller", "via", "reason", "detail", "run", "outcome", "changes", "more_changes"),
    *("proven", "address", "request_id", "at", "ended_at", "job_name"),
)
JOB = (
    *("type", "schedule", "timezone", "description", "owner", "tags", "environment", "secrets"),
    *("payload", "payload_schema", "queue", "after", "schedule_note", "schedule_enabled"),
)
READS = [route for route in ROUTES if route.method == "GET"]
PLACES = {
    "job_name": "report",
    "run": "odd",
    "problem": "stale",
    "item": "0",
    "bulk": "b-1",
    "version": "1",
    "submission": "report.odd",
    "build": "00000000-0000-0000-0000-000000000000",
}


def write(table, item):
    CLIENTS.dynamodb.put_item(TableName=f"jobs-{table}", Item=to_dynamodb(item))


def read_all(api):
    return {route.name: api(route.method, route.path.format(**PLACES)) for route in READS}


@pytest.mark.usefixtures("world")
def test_hostile_texts(api):
    put_run("report", "odd", "FAILED", error=HOSTILE)

    replies = read_all(api)

    assert {name for name, reply in replies.items() if reply.status >= 500} == set()
    assert all(ord(c) < 256 for reply in replies.values() for c in "".join(reply.headers.values()))
    assert HOSTILE in replies["get_row"].json.values()


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_values_of_other_types(api, here, odd):
    for name in ("report", "other", "odd"):
        here.jobs.put(ROW | {"job_name": name})
        here.make_ready(name)
    put_run("report", "good", "SUCCEEDED")
    key = {"job_name": "report", "trigger_id": f"{NOW:%Y-%m-%dT%H:%M:%SZ}#odd", "run_shard": 1}
    write("Triggers", dict.fromkeys(RUN, odd) | key)
    write("Jobs", dict.fromkeys(JOB, odd) | {"job_name": "odd"})
    write("Jobs", dict.fromkeys(JOB, odd) | {"job_name": "report"})
    keys = {"subject": "report", "entry_id": "2026-11-26T00:00:00Z#1", "feed": "all"}
    write("Audit", dict.fromkeys(ENTRY, odd) | keys)
    reader = replace(api, authorizer=by_scopes("jobs/read"))

    for client in (api, reader):
        replies = read_all(client)
        assert {name for name, reply in replies.items() if reply.status >= 500} == set()
    listed = {each["job_name"] for each in replies["list_jobs"].json["jobs"]}
    assert listed >= {"odd", "other", "report"}
    assert "good" in {each["run"] for each in replies["list_job_runs"].json["runs"]}
    assert "hunter2" not in json.dumps(replies["get_job"].json["row"].get("environment"))
