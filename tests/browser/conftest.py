"""One browser for all tests of the console's pages; a bootstrap in moto for each module of them."""

from __future__ import annotations

import pytest

from tests.support.browser import browser as started
from tests.support.console import served
from tests.support.console_world import of_its_own


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
