"""One browser for all tests of the console's pages; a bootstrap in moto for each module of them."""

from __future__ import annotations

import pytest

from tests.support.browser import browser as started
from tests.support.cli import REGION, warm_up
from tests.support.console import served
from tests.support.console_world import world as made


@pytest.fixture(scope="session")
def browser():
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def world():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }.items():
            monkeypatch.setenv(name, value)
        warm_up()
        with made() as world:
            yield world


@pytest.fixture(scope="module")
def console(world):
    """Yield the console's address."""
    with served(world.handle) as address:
        yield address
