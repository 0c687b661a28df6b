"""What a first view reads: three requests to DynamoDB at most, whatever there is.

Every address of the console and the API has an example here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.api.app import App
from provisioner.api.routes import ROUTES as API_ROUTES
from provisioner.console.routes import ROUTES
from provisioner.runs.model import iso
from provisioner.service import bulk
from provisioner.service.bulk_selection import BulkAction, Target
from provisioner.service.caller import Caller, Role
from provisioner.stacks.builds import BuildAttempt, BuildStatus
from tests.functional.pages.test_pages import PAGES
from tests.support.api import Client
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import NOW, OVER_ITEMS, put_history

MOST = 3
BUILD = "01234567-89ab-cdef-0123-456789abcdef"
BEGAN = NOW - timedelta(minutes=50)
LOGGED = "/jobs/daily-report/runs/logged"
ITEMS = f"/jobs/orders-to-json/runs/{OVER_ITEMS}"
AT = f"?at={iso(BEGAN)}"
OTHERS = (
    "/audit",
    "/audit?by=ada&outcome=done",
    "/bulk?action=pause_schedules&tag=team%3Ddata",
    "/bulk?action=run_again&status=FAILED",
    "/bulk?action=stop_runs&status=RUNNING",
    "/bulk/{bulk}",
    "/bulk-actions",
    "/dead-letters",
    "/jobs?late=1",
    "/jobs?schedule=paused&sort=status",
    "/jobs?schedule=none&sort=last%20run&type=lambda",
    "/bulk?action=resume_schedules&schedule=paused",
    "/jobs?owner=data",
    "/jobs?tag=team%3Ddata",
    "/jobs/billing-export",
    "/jobs/billing-export/audit",
    f"/jobs/billing-export/builds/{BUILD}",
    "/jobs/billing-export/delete",
    "/jobs/billing-export/more",
    "/jobs/billing-export/pause",
    "/jobs/billing-export/retry",
    "/jobs/billing-export/rollback?to=1",
    "/jobs/billing-export/run",
    "/jobs/billing-export/unpin",
    "/jobs/catalog-sync/backfill",
    "/jobs/catalog-sync/build",
    "/jobs/catalog-sync/build-commit",
    "/jobs/catalog-sync/confirm-deletion",
    "/jobs/catalog-sync/edit",
    "/jobs/catalog-sync/edit?version=1",
    "/jobs/catalog-sync/resume",
    "/jobs/catalog-sync/stack",
    "/jobs/geo-lookup/stack",
    "/jobs/catalog-sync/versions",
    "/jobs/catalog-sync/versions/2",
    f"{LOGGED}{AT}",
    f"{LOGGED}/log",
    f"{LOGGED}/log.txt{AT}",
    f"{LOGGED}/stop{AT}",
    f"{ITEMS}/items{AT}",
    f"{ITEMS}/items/2{AT}",
    "/new",
    "/new?from=daily-report",
    "/jobs?prefix=manual-094136",
    "/palette?q=b",
    "/palette?q=manual-094136",
    "/runs?ended=24&tag=team%3Ddata",
    "/runs?job=catalog-sync",
    "/runs?job=catalog-sync&status=FAILED",
    "/runs?status=FAILED",
    "/runs?status=RUNNING",
    "/runs?status=RUNNING&tag=team%3Ddata",
    "/runs?tag=team%3Ddata",
    "/runs?since=2026-11-26T09:00Z&until=2026-11-26T09:30Z",
    "/runs?since=2026-11-26T09:00Z&tag=team%3Ddata&started_by=ada",
    "/runs?job=catalog-sync&started_by=ada&until=2026-11-26T09:30Z",
    "/upgrade",
)
OF_API = (
    "/v1/audit",
    "/v1/bulk",
    "/v1/bulk/{bulk}",
    "/v1/dead-letters",
    "/v1/health",
    "/v1/jobs?limit=100",
    "/v1/jobs?schedule=paused",
    "/v1/jobs?status=FAILED",
    "/v1/jobs?tag=team%3Ddata",
    "/v1/jobs/billing-export",
    "/v1/jobs/billing-export/audit",
    "/v1/jobs/billing-export/builds",
    f"/v1/jobs/billing-export/builds/{BUILD}",
    f"/v1/jobs/billing-export/builds/{BUILD}/log",
    "/v1/jobs/billing-export/deployments",
    "/v1/jobs/billing-export/schedule",
    "/v1/jobs/billing-export/stack",
    "/v1/jobs/billing-export/stack/operations",
    "/v1/jobs/catalog-sync/runs",
    "/v1/jobs/catalog-sync/runs?status=FAILED",
    "/v1/jobs/catalog-sync/versions",
    "/v1/jobs/catalog-sync/versions/2",
    f"/v1{LOGGED}",
    f"/v1{LOGGED}/log",
    f"/v1{ITEMS}/items",
    f"/v1{ITEMS}/items/2",
    "/v1/openapi.json",
    "/v1/problems",
    "/v1/problems/not-found",
    "/v1/rows/daily-report",
    "/v1/runs",
    "/v1/runs?status=FAILED",
    "/v1/runs?status=FAILED&tag=team%3Ddata",
    "/v1/runs?started_by=ada&tag=team%3Ddata&until=2026-11-26T09:30:00Z",
    "/v1/runs?tag=team%3Ddata",
    "/v1/submissions/daily-report.logged",
    "/v1/upgrades/current",
)
REFUSED = {
    "/jobs/catalog-sync/build": 409,
    "/jobs/catalog-sync/build-commit": 409,
    "/jobs/catalog-sync/confirm-deletion": 409,
    "/jobs/catalog-sync/stack": 404,
    "/v1/jobs/billing-export/stack/operations": 404,
}
"""What there is not in this world."""


@pytest.fixture(scope="module")
def service(world):
    """Return the service of somebody who may do everything."""
    return world.service(Caller("ada", via="api", role=Role.ADMIN))


@pytest.fixture(scope="module")
def known(world, service):
    """Write what some addresses are of; return what has no name of ours."""
    put_history(world)
    CLIENTS.logs.create_log_group(logGroupName="/jobs/daily-report")
    put_run("daily-report", "logged", "SUCCEEDED", started_at=BEGAN, log_stream="run")
    build = BuildAttempt(
        "0" * 64, BuildStatus.FAILED, id=f"jobs:{BUILD}", started_at=NOW, ended_at=NOW
    )
    world.provisioner.save("billing-export", build=build)
    targets = (Target("daily-report"),)
    made = bulk.begin(
        service, BulkAction.PAUSE_SCHEDULES, targets, reason="a test", expected_count=1
    )
    return {"bulk": made.id}


def reads_of(world, address):
    before = CLIENTS.reads("dynamodb")
    assert world.get(address).status == REFUSED.get(address, 200), address
    return CLIENTS.reads("dynamodb") - before


@pytest.mark.parametrize("address", [*PAGES, *OTHERS])
def test_a_page_reads_three_times_at_most(world, known, address):
    assert reads_of(world, address.format(**known)) <= MOST


@pytest.mark.parametrize("address", OF_API)
def test_an_answer_of_the_api_reads_three_times_at_most(service, known, address):
    def of(caller):
        return replace(service, caller=caller)

    api = Client(App(of, CLIENTS.calls, lambda: "key", "jobs/", "jobs"))
    path, _, query = address.format(**known).partition("?")
    before = CLIENTS.reads("dynamodb")

    assert api("GET", path, query=query).status == REFUSED.get(address, 200)
    assert CLIENTS.reads("dynamodb") - before <= MOST


def test_every_page_has_an_example():
    paths = {address.partition("?")[0] for address in (*PAGES, *OTHERS)}
    pages = [each for each in ROUTES if each.method == "GET" and "static" not in each.pattern]

    assert not [each.pattern for each in pages if all(each.parts(path) is None for path in paths)]


def test_every_answer_has_an_example():
    paths = {address.format(bulk="b").partition("?")[0] for address in OF_API}
    answers = [each for each in API_ROUTES if each.method == "GET"]

    assert not [each.path for each in answers if not any(map(each.pattern.fullmatch, paths))]


def test_a_run_that_does_not_exist_is_looked_for_within_bounds(world):
    for number in range(24):
        at = NOW.replace(minute=number)
        put_run("ledger-close", f"big-{number}", "SUCCEEDED", started_at=at, input=380_000 * "x")

    before = CLIENTS.reads("dynamodb")
    assert world.get("/jobs/ledger-close/runs/none").status == 404
    assert CLIENTS.reads("dynamodb") - before <= 6
    found = world.get("/jobs/ledger-close/runs/big-23")
    assert found.status == 303
    assert world.get(found.headers["Location"]).status == 200


def test_a_job_reads_twice_whatever_its_runs_hold(world):
    for minute in range(12):
        at = NOW.replace(minute=minute)
        put_run("churn-model", f"big-{minute}", "SUCCEEDED", started_at=at, input=50_000 * "x")

    assert reads_of(world, "/jobs/churn-model") == 2
    assert reads_of(world, "/runs?job=churn-model") == 1
