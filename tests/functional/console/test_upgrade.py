"""The page of the upgrade, without JavaScript."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.aws.upgrade_table import UpgradeTable
from provisioner.service.caller import Role
from provisioner.stacks.upgrade import (
    FailureKind,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
    pause,
)
from tests.support.clients import CLIENTS
from tests.support.sweep import CHANGES, answering


@pytest.fixture
def table(here):
    del here
    return UpgradeTable(CLIENTS, "jobs-Triggers")


@pytest.fixture
def paused(browser, table):
    browser.press(browser.get("/upgrade"))
    failure = UpgradeFailure("report", FailureKind.STACK, "<b>no such role</b>")
    stepped = replace(
        table.get(), to="b", progress=(UpgradeProgress(1, failed=1),), failures=(failure,)
    )
    table.save(pause(stepped, "The stack of report failed: no such role"))
    return browser


def test_it_is_started_with_waves(browser, table):
    page = browser.get("/upgrade")
    page.form.fill({"waves": "10%, 100%"})

    page = browser.follow(browser.press(page))

    assert "running" in page.text
    assert table.get().waves == (10, 100)


def test_it_shows_what_changes_before_it_starts(browser, here, table):
    service = answering(here.service, CHANGES)
    browser.app = replace(
        browser.app, service=lambda caller: replace(service, caller=lambda: caller)
    )
    page = browser.get("/upgrade")
    page.form.fill({"waves": "10, 100"})

    page = browser.press(page, "true")

    assert page.status == 200
    assert page.text.index("replaced") < page.text.index("added")
    assert "4 of 9 outdated READY jobs" in page.text
    assert table.get() is None
    browser.press(page)
    assert table.get().waves == (10, 100)


@pytest.mark.parametrize("waves", ["", "half", "50", "100, 5"])
def test_waves_that_are_not_valid(browser, table, waves):
    page = browser.get("/upgrade")
    page.form.fill({"waves": waves})

    page = browser.press(page)

    assert page.status == 422
    assert "waves" in page.text
    assert table.get() is None


def test_it_shows_what_failed_as_text(paused):
    page = paused.get("/upgrade")

    assert "paused" in page.text
    assert "<b>no such role</b>" in page.text
    assert "/jobs/report" in page.links


@pytest.mark.parametrize(
    ("action", "status"),
    [("/upgrade/resume", UpgradeStatus.RUNNING), ("/upgrade/abort", UpgradeStatus.ABORTED)],
)
def test_its_buttons(paused, table, action, status):
    page = paused.get("/upgrade")
    page.forms = [each for each in page.forms if each.action == action]

    assert paused.press(page).status == 303
    assert table.get().status is status
    page.forms = [each for each in page.forms if each.action == action]
    assert paused.press(page).status == 422


def test_who_may_not_change_it_sees_no_button(paused):
    paused.role = Role.WRITE

    page = paused.get("/upgrade")

    assert "paused" in page.text
    assert [each for each in page.forms if each.action.startswith("/upgrade")] == []
