"""No page shows whoever may only read or operate a value of the environment or a secret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.console.routes import ROUTES
from provisioner.service.caller import Role
from tests.support.hidden import DIGEST, HIDING, MARKER, RUN, fill


@pytest.mark.parametrize("hiding", HIDING.values(), ids=HIDING)
def test_no_page_of_readers_and_operators_shows_it(browser, here, hiding):
    bulk_id = fill(here, hiding)
    browser.role = Role.OPERATE
    browser.app = replace(browser.app, routes=ROUTES)
    shown = 0

    for route in ROUTES:
        if route.method != "GET" or route.pattern.startswith("/static"):
            continue
        for version in range(1, 7) if "{version}" in route.pattern else [0]:
            parts = {
                "job": "report",
                "run": RUN,
                "bulk": bulk_id,
                "version": version,
                "item": "0",
                "build": "x",
            }
            page = browser.get(route.pattern.format(**parts))
            assert MARKER not in page.html, route
            assert DIGEST not in page.html, route
            shown += page.status == 200
    assert shown > 18
