"""The console on the same world as the command line's tests, with a browser without JavaScript."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.console import loopback
from provisioner.console.app import App
from provisioner.console.routes import ROUTES
from provisioner.service.caller import Role
from tests.functional.cli.conftest import account, environment, here
from tests.support.forms import HOST, Browser

__all__ = ["account", "environment", "here"]


@pytest.fixture
def browser(here):
    """Yield a browser on a console without a sign-in; `browser.role` is what it may do."""
    browser = Browser()

    def before(request):
        known = loopback.before(request)
        return known.of(replace(known.caller, role=browser.role))

    def service(caller):
        return replace(here.service, caller=lambda: caller)

    def report():
        raise  # noqa: PLE0704  (the error that is being handled)

    browser.app = App(ROUTES, before, service, report)
    browser.role = Role.ADMIN
    browser.host = HOST
    return browser
