"""The console over a bootstrap in moto with jobs, runs and logs."""

from __future__ import annotations

import pytest

from tests.functional.cli.conftest import environment
from tests.support.console_world import empty_world
from tests.support.console_world import world as made

__all__ = ["environment"]


@pytest.fixture(scope="module")
def world(environment):  # noqa: ARG001  (it is set first)
    with made(runs=6) as world:
        yield world


@pytest.fixture
def empty(environment):  # noqa: ARG001
    with empty_world() as world:
        yield world
