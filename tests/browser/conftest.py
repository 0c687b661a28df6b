"""One browser for all tests of the console's pages; a bootstrap in moto for each module of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import browser as started
from tests.support.console import served
from tests.support.console_world import of_its_own
from tests.support.drawn import leave_half_to_the_night


@pytest.hookimpl(tryfirst=True)  # before those of the night are left out
def pytest_collection_modifyitems(items):
    """Leave half of them to the night, but no picture of a page."""
    mine = [
        item
        for item in items
        if item.path.parent == Path(__file__).parent and item.path.stem != "test_pages"
    ]
    leave_half_to_the_night(mine)


@pytest.fixture(scope="session")
def browser():
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def world():
    with of_its_own() as world:
        yield world


@pytest.fixture(scope="module")
def console(world):
    """Yield the console's address."""
    with served(world.handle) as address:
        yield address
