"""Dead-letter messages: what failed for good, to be done again or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.http import redirect
from provisioner.console.render import page
from provisioner.errors import InvalidRequestError, PermanentError, TemporaryError
from provisioner.service import dead_letters

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service


def listed(request: Request, service: Service) -> Response:
    """Return the messages, oldest first."""
    return _page(request, service)


def redrive(request: Request, service: Service) -> Response:
    """Do again what the ticked messages ask for."""
    try:
        remaining = sum(each.remains for each in dead_letters.redrive(service, _ids(request)))
    except (PermanentError, TemporaryError) as error:
        return _page(request, service, f"Not all were redriven: {error}")
    if remaining:
        return _page(request, service, f"{remaining} cannot be redriven; they can be discarded.")
    return redirect("/dead-letters")


def discard(request: Request, service: Service) -> Response:
    """Remove the ticked messages without doing what they ask for."""
    for _ in dead_letters.discard(service, _ids(request)):
        pass
    return redirect("/dead-letters")


def _ids(request: Request) -> list[str]:
    chosen = [value for name, value in request.fields if name == "id"]
    if not chosen:
        message = "nothing is selected"
        raise InvalidRequestError(message)
    return chosen


def _page(request: Request, service: Service, error: str = "") -> Response:
    found = dead_letters.list_messages(service, at_once=True)
    return page(request, "dead_letters.html", polls=False, found=found, error=error)
