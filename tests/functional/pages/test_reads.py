"""What a first view of a page reads: three requests to DynamoDB at most, whatever there is."""

from __future__ import annotations

import pytest

from tests.functional.pages.test_pages import PAGES
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import NOW

MOST = 3
OTHERS = (
    "/audit",
    "/dead-letters",
    "/jobs?late=1",
    "/jobs?owner=data",
    "/jobs/billing-export",
    "/jobs/billing-export/audit",
    "/jobs/billing-export/more",
    "/jobs/billing-export/pause",
    "/jobs/billing-export/rollback?to=1",
    "/jobs/billing-export/run",
    "/jobs/catalog-sync/edit",
    "/jobs/catalog-sync/edit?version=1",
    "/jobs/catalog-sync/versions",
    "/jobs/catalog-sync/versions/2",
    "/palette?q=b",
    "/runs?job=catalog-sync",
    "/runs?job=catalog-sync&status=FAILED",
    "/runs?status=FAILED",
    "/runs?status=RUNNING",
)


def reads_of(world, address):
    before = CLIENTS.reads("dynamodb")
    assert world.get(address).status == 200, address
    return CLIENTS.reads("dynamodb") - before


@pytest.mark.parametrize("address", [*PAGES, *OTHERS])
def test_a_page_reads_three_times_at_most(world, address):
    assert reads_of(world, address) <= MOST


def test_a_run_that_there_is_not_is_looked_for_within_bounds(world):
    for number in range(24):
        at = NOW.replace(minute=number)
        put_run("ledger-close", f"big-{number}", "SUCCEEDED", started_at=at, input=380_000 * "x")

    before = CLIENTS.reads("dynamodb")
    assert world.get("/jobs/ledger-close/runs/none").status == 404
    assert CLIENTS.reads("dynamodb") - before <= 6
    assert world.get("/jobs/ledger-close/runs/big-23").status == 200


def test_a_job_reads_twice_whatever_its_runs_hold(world):
    for minute in range(12):
        at = NOW.replace(minute=minute)
        put_run("churn-model", f"big-{minute}", "SUCCEEDED", started_at=at, input=50_000 * "x")

    assert reads_of(world, "/jobs/churn-model") == 2
    assert reads_of(world, "/runs?job=churn-model") == 1
