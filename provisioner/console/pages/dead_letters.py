"""Dead-letter messages: what failed for good, to be done again or discarded."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.console.http import redirect
from provisioner.console.render import page
from provisioner.errors import PermanentError, TemporaryError
from provisioner.service import dead_letters

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service


def listed(request: Request, service: Service) -> Response:
    """Return the messages, oldest first."""
    return _page(request, service)


def redrive(request: Request, service: Service) -> Response:
    """Do again what the selected messages ask for."""

    def act(ids: list[str]) -> str:
        remaining = sum(each.remains for each in dead_letters.redrive(service, ids))
        return f"{remaining} cannot be redriven; they can be discarded." if remaining else ""

    return _done(request, service, "redriven", act)


def discard(request: Request, service: Service) -> Response:
    """Remove the selected messages without doing what they ask for."""

    def act(ids: list[str]) -> str:
        for _ in dead_letters.discard(service, ids):
            pass
        return ""

    return _done(request, service, "discarded", act)


def _done(
    request: Request, service: Service, done: str, act: Callable[[list[str]], str]
) -> Response:
    """Act on the selected messages; show the list again with what could not be done."""
    ids = [value for name, value in request.fields if name == "id"]
    if not ids:
        return _page(request, service, "Select at least one message.")
    try:
        problem = act(ids)
    except (PermanentError, TemporaryError) as error:
        problem = f"Not all were {done}: {error}"
    return _page(request, service, problem) if problem else redirect("/dead-letters")


def _page(request: Request, service: Service, error: str = "") -> Response:
    found = dead_letters.list_messages(service, at_once=True)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return page(request, "dead_letters.html", status=status, polls=False, found=found, error=error)
