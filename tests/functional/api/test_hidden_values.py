"""Whoever may only read or operate finds no value of the environment and no secret anywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.api.routes import ROUTES
from provisioner.service.caller import Role
from tests.support.api import by_iam, by_scopes
from tests.support.hidden import DIGEST, HIDING, MARKER, RUN, fill

BODIES = {
    "start_run": {},
    "submit": {"job_name": "report"},
    "run_again": {},
    "stop_run": {"reason": "r"},
    "pause_schedule": {"reason": "r"},
    "start_bulk": {
        "action": "pause_schedules",
        "ids": ["report"],
        "expected_count": 1,
        "reason": "r",
    },
    "redrive_dead_letters": {"ids": ["none"]},
}


def addresses(route, bulk_id):
    """Return the addresses that a route has in this world."""
    names = {
        "job_name": "report",
        "run": RUN,
        "submission": f"report.{RUN}",
        "bulk": bulk_id,
        "build": "00000000-0000-0000-0000-000000000000",
        "problem": "stale",
        "item": "0",
    }
    numbers = range(1, 7) if "{version}" in route.path else [0]
    return [route.path.format(**names, version=number) for number in numbers]


@pytest.mark.parametrize("hiding", HIDING.values(), ids=HIDING)
def test_no_route_of_readers_and_operators_shows_it(api, here, hiding):
    bulk_id = fill(here, hiding)
    operator = by_scopes("jobs/operate")
    routes = [each for each in ROUTES if Role.OPERATE.includes(each.role)]
    assert len(routes) > 20
    answered = 0

    for route in sorted(routes, key=lambda each: each.method != "GET"):
        for address in addresses(route, bulk_id):
            for authorizer in (operator, by_iam()):
                client = replace(api, authorizer=authorizer)
                reply = client(route.method, address, BODIES.get(route.name))
                said = f"{reply.text}{reply.headers}"
                assert MARKER not in said, (route.key, address)
                assert DIGEST not in said, (route.key, address)
                answered += reply.status < 300
    assert answered > 25
