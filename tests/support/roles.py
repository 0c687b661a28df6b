"""Every route of an API, asked for by a caller of each role; nothing changes by that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from provisioner.api.routes import ROUTES, Route
from provisioner.service.caller import Role
from tests.support.api import Reply
from tests.support.http import Caller

_NOWHERE = {
    "job_name": "nowhere",
    "run": "nowhere",
    "item": "0",
    "build": "00000000-0000-0000-0000-000000000000",
    "version": "1",
    "submission": "nowhere.nowhere",
    "bulk": "nowhere",
    "problem": "nothing",
}
_NOT_A_BODY = {"no_such_field": 1}


def mistaken(callers: dict[Role | None, Caller]) -> list[str]:
    """Return the routes that a role has and should not have, or the other way round.

    None among the callers is one who has no role. Each request is for what is not there, has a body
    that is not valid, or lacks the precondition of a write: let through, it does nothing.
    """
    pairs = [(role, route) for role in callers for route in ROUTES]
    with ThreadPoolExecutor(4) as threads:
        replies = threads.map(lambda pair: _asked(callers[pair[0]], pair[1]), pairs)
        return [
            f"{role}: {route.key}: {reply.status} {reply.text[:100]}"
            for (role, route), reply in zip(pairs, replies, strict=True)
            if _is_allowed(reply) != (role is not None and role.includes(route.role))
        ]


def _asked(caller: Caller, route: Route) -> Reply:
    body = _NOT_A_BODY if route.body else None
    return caller(route.method, route.path.format(**_NOWHERE), body)


def _is_allowed(reply: Reply) -> bool:
    """Tell whether the function has answered; the gateway has refused otherwise."""
    if reply.status in {401, 403}:
        by_function = reply.headers["Content-Type"] == "application/problem+json"
        assert not by_function, f"the gateway has let it through: {reply}"
        return False
    assert reply.status < 500, reply
    assert "Server-Timing" in reply.headers or reply.slug, reply
    return True
