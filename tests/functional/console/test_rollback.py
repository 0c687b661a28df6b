"""Rolling back and unpinning in the console."""

from __future__ import annotations

import pytest

from provisioner.service.caller import Role
from tests.support.deployments import pushed_twice, write
from tests.support.rows import ROW

ADDRESS = "/jobs/report/rollback"


@pytest.fixture
def pushed(here):
    """Return the versions of two deployments of the same row."""
    return pushed_twice(here, ROW | {"environment": {"LEVEL": "hunter2"}})


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}?to=1"])
def test_a_job_is_rolled_back(here, browser, pushed, address):
    page = browser.get(address)

    assert "back to deployment 1" in page.text
    assert pushed[0] in page.text
    assert "The code is pinned" in page.text
    assert "hunter2" not in page.html
    assert browser.press(page).status == 303
    assert here.row()["pin"]["version"] == pushed[0]


@pytest.mark.usefixtures("pushed")
def test_a_colleague_s_change_is_not_lost(here, browser):
    page = browser.get(ADDRESS)
    here.jobs.put(here.row() | {"description": "a colleague's"})

    assert browser.press(page).status == 412
    assert "pin" not in here.row()


def test_unpin(here, browser, pushed):
    write(here, ROW | {"pin": {"version": pushed[0]}})

    assert browser.press(browser.get("/jobs/report/unpin")).status == 303
    assert here.row() == ROW


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{ADDRESS}?to=9", 404),
        (f"{ADDRESS}?to=x", 404),
        (f"{ADDRESS}?to={'1' * 40}", 404),
        (f"{ADDRESS}?to=2", 409),
        ("/jobs/other/rollback", 404),
        ("/jobs/other/unpin", 404),
    ],
)
def test_what_cannot_be(browser, address, status):
    assert browser.get(address).status == status


@pytest.mark.usefixtures("pushed")
def test_only_writers_roll_back(browser):
    browser.role = Role.OPERATE

    assert browser.get(ADDRESS).status == 403
    assert browser.get("/jobs/report/unpin").status == 403
