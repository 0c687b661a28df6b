"""The API on the same world as the command line's tests; every reply is held to its description."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.api.app import App
from tests.functional.cli.conftest import account, environment, here
from tests.support import described
from tests.support.api import Client
from tests.support.clients import CLIENTS

__all__ = ["account", "environment", "here"]


@pytest.fixture
def paused():
    """Return the seconds that calls have waited."""
    return []


@pytest.fixture
def api(here, paused):
    service = here.service

    def for_caller(caller):
        return replace(service, caller=caller)

    app = App(for_caller, CLIENTS.calls, lambda: "key", "jobs/", "jobs", paused.append)
    return Client(app, check=described.hold)
