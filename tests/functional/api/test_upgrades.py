"""The upgrade of all jobs' stacks over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.api.app import App
from provisioner.aws.upgrade_table import UpgradeTable
from provisioner.runs.model import iso
from provisioner.stacks.upgrade import (
    FailureKind,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
    pause,
)
from tests.support import described
from tests.support.api import Client, by_scopes
from tests.support.cli import NOW
from tests.support.clients import CLIENTS
from tests.support.sweep import CHANGES, answering

CURRENT = "/v1/upgrades/current"


@pytest.fixture
def table(api):
    del api
    return UpgradeTable(CLIENTS, "jobs-Triggers")


@pytest.fixture
def stopped(api, table):
    api("POST", "/v1/upgrades", {})
    failure = UpgradeFailure("report", FailureKind.STACK, "no such role", at=NOW)
    stepped = replace(
        table.get(), to="b", progress=(UpgradeProgress(1, failed=1),), failures=(failure,)
    )
    table.save(pause(stepped, "The stack of report failed: no such role"))
    return api


def test_it_is_started_and_looked_at(api, table):
    body = {"waves": [10, 100], "soak_seconds": 60, "pause_on_failures": 3}

    begun = api("POST", "/v1/upgrades", body)

    assert begun.status == 202
    assert api("GET", CURRENT).json == begun.json
    assert (begun.json["status"], begun.json["waves"]) == ("RUNNING", [10, 100])
    assert table.get().soak == timedelta(minutes=1)


def test_without_a_body_s_members_it_has_the_usual_waves(api):
    assert api("POST", "/v1/upgrades", {}).json["waves"] == [5, 25, 100]


def test_a_dry_run_starts_nothing(api, table):
    assert api("POST", "/v1/upgrades", {}, query="dry_run=true").status == 202
    assert table.get() is None
    assert api("GET", CURRENT).status == 404


@pytest.fixture
def answered(here):
    """Return a client of an API whose sweep answers."""

    def answered(changes):
        service = answering(here.service, changes)

        def for_caller(caller):
            return replace(service, caller=caller)

        app = App(for_caller, CLIENTS.calls, lambda: "key", "jobs/", "jobs")
        return Client(app, check=described.hold)

    return answered


def test_a_dry_run_says_what_changes(answered):
    dry = answered(CHANGES)("POST", "/v1/upgrades", {}, query="dry_run=true")

    assert dry.json["changes"] == CHANGES
    assert answered(CHANGES)("POST", "/v1/upgrades", {}).json["changes"] is None


def test_functions_of_another_release_cannot_say_it(answered):
    dry = answered(None)("POST", "/v1/upgrades", {}, query="dry_run=true")

    assert (dry.status, dry.json["changes"]) == (202, None)


@pytest.mark.parametrize(
    "body",
    [{"waves": [50]}, {"waves": [0, 100]}, {"waves": []}, {"soak_seconds": -1}, {"by": "me"}],
    ids=str,
)
def test_what_is_not_valid(api, table, body):
    assert api("POST", "/v1/upgrades", body).status == 422
    assert table.get() is None


def test_only_one_runs_at_a_time(api):
    api("POST", "/v1/upgrades", {})

    assert api("POST", "/v1/upgrades", {}).status == 409


def test_it_is_resumed(stopped, table):
    [failure] = stopped("GET", CURRENT).json["failures"]
    assert (failure["reason"], failure["at"]) == ("no such role", iso(NOW))
    assert stopped("POST", f"{CURRENT}/resume", {}, query="dry_run=true").status == 202
    assert table.get().status is UpgradeStatus.PAUSED

    assert stopped("POST", f"{CURRENT}/resume", {}).json["status"] == "RUNNING"
    assert stopped("POST", f"{CURRENT}/resume", {}).status == 409


def test_it_is_aborted(stopped, table):
    assert stopped("POST", f"{CURRENT}/abort", {}, query="dry_run=true").status == 202
    assert table.get().status is UpgradeStatus.PAUSED

    assert stopped("POST", f"{CURRENT}/abort", {"reason": "not now"}).json["reason"] == "not now"
    assert stopped("POST", f"{CURRENT}/abort", {}).status == 409


@pytest.mark.parametrize("path", ["/v1/upgrades", f"{CURRENT}/resume", f"{CURRENT}/abort"])
def test_only_an_administrator_changes_it(stopped, path):
    writer = replace(stopped, authorizer=by_scopes("jobs/write"))

    assert writer("POST", path, {}).status == 403
    assert writer("GET", CURRENT).status == 200
