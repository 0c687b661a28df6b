"""What somebody tries to steer the upgrade of all jobs, or to have it read as something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.api.routes import ROUTES
from provisioner.aws.upgrade_table import UpgradeTable
from provisioner.console import loopback
from provisioner.console.app import App
from provisioner.console.routes import ROUTES as PAGES
from provisioner.service.caller import Role
from provisioner.service.rights import NEEDED
from provisioner.stacks.upgrade import FailureKind, UpgradeFailure, UpgradeStatus, pause
from tests.functional.api.conftest import api, paused
from tests.functional.cli.conftest import account, environment, here
from tests.functional.cli.test_hostile_text import _UNSAFE as UNSAFE
from tests.functional.cli.test_hostile_text import HOSTILE
from tests.support.api import by_scopes
from tests.support.clients import CLIENTS
from tests.support.forms import Browser

__all__ = ["account", "api", "environment", "here", "paused"]

CHANGING = [route for route in ROUTES if "upgrade" in route.action.value and route.method == "POST"]
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def table(here):
    del here
    return UpgradeTable(CLIENTS, "jobs-Triggers")


@pytest.fixture
def stopped(api, table):
    """Return what is kept of an upgrade that failed for reasons that a job's author has chosen."""
    api("POST", "/v1/upgrades", {})
    reason = f"{HOSTILE} {SCRIPT} " + "x" * 100_000
    failures = (UpgradeFailure("report", FailureKind.STACK, reason[:200]),)
    begun = replace(table.get(), to="b", failures=failures)
    table.save(pause(begun, f"The stack of report failed: {reason[:200]}"))
    return table.get()


@pytest.mark.parametrize("role", ["read", "operate", "write"])
@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.path)
def test_only_an_administrator_changes_it(api, table, stopped, role, route):
    asker = replace(api, authorizer=by_scopes(f"jobs/{role}"))

    assert asker("POST", route.path, {}).status == 403
    assert asker("POST", route.path, {}, query="dry_run=true").status == 403
    assert table.get() == stopped


def test_no_page_changes_it_for_others():
    changing = [each for each in PAGES if each.method == "POST" and "upgrade" in each.pattern]

    assert len(changing) == 3
    assert {NEEDED[each.action] for each in changing} == {Role.ADMIN}


@pytest.mark.parametrize(
    "body",
    [
        {"by": "arn:aws:iam::123456789012:user/ada"},
        {"status": "SUCCEEDED"},
        {"to": "b"},
        {"waves": [5, 10**400]},
        {"waves": [True, 100]},
        {"pause_on_failures": 10**400},
        {"soak_seconds": 10**400},
    ],
    ids=lambda body: next(iter(body)),
)
def test_what_is_kept_of_it_is_not_the_caller_s_to_say(api, table, body):
    assert api("POST", "/v1/upgrades", body).status == 422
    assert table.get() is None


@pytest.mark.parametrize("digits", [5_000, 100_000])
def test_numbers_of_many_digits(api, table, digits):
    body = f'{{"soak_seconds": {"9" * digits}}}'

    assert 400 <= api("POST", "/v1/upgrades", raw=body).status < 500
    assert table.get() is None


@pytest.mark.parametrize(
    "route",
    [each for each in ROUTES if "{job_name}" in each.path and each.method != "GET"],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_its_item_is_not_a_job_s(api, table, stopped, route):
    """It is in the table of runs, under a name that no job can have."""
    path = route.path.replace("{job_name}", "%23upgrade").replace("{run}", "%23upgrade")

    answer = api(route.method, path, {}, if_match="*")

    assert 400 <= answer.status < 500
    assert table.get() == stopped


@pytest.mark.usefixtures("stopped")
class TestReasons:
    """The reason of a stack that failed is what CloudFormation says of an author's text."""

    def test_in_a_terminal(self, here):
        for words in (["status"], ["status", "-o", "json"], ["status", "-o", "yaml"]):
            result = here.run("upgrade", *words)
            assert result.exit_code == 0
            assert not UNSAFE.search(result.stdout), words

    def test_in_a_page(self, here):
        browser = Browser()
        browser.app = App(
            PAGES,
            loopback.before,
            lambda caller: replace(here.service, caller=lambda: caller),
            print,
        )

        page = browser.get("/upgrade")

        assert page.status == 200
        assert SCRIPT not in page.html
        assert "&lt;script&gt;" in page.html

    def test_in_the_audit(self, api):
        api("POST", "/v1/upgrades/current/resume", {})
        [entry, _] = api("GET", "/v1/audit").json["entries"]

        assert (entry["action"], entry["outcome"]) == ("resume_upgrade", "done")
        assert not UNSAFE.search(entry["detail"])
        assert len(entry["detail"]) <= 500

    def test_the_reason_of_whoever_aborts_it(self, api, table):
        assert api("POST", "/v1/upgrades/current/abort", {"reason": "x" * 201}).status == 422
        api("POST", "/v1/upgrades/current/abort", {"reason": f"{SCRIPT}\n\x1b[2J"})

        found = table.get()
        assert found.status is UpgradeStatus.ABORTED
        assert not UNSAFE.search(found.reason)
