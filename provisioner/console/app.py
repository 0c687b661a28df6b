"""From a request to a page: routes, rights, headers, and pages for what goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from provisioner.console import done
from provisioner.console.http import Request, Response
from provisioner.console.render import error_page
from provisioner.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    PermanentError,
    StaleError,
    TemporaryError,
)
from provisioner.service import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provisioner.service.caller import Caller
    from provisioner.service.context import Service
    from provisioner.service.rights import Action

    Page: TypeAlias = "Callable[[Request, Service], Response]"
    Before: TypeAlias = "Callable[[Request], Request | Response]"

_PLACE = re.compile(r"\{(\w+)\}")

_STATUSES = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    InvalidRequestError: HTTPStatus.BAD_REQUEST,
    PermanentError: HTTPStatus.CONFLICT,
    StaleError: HTTPStatus.PRECONDITION_FAILED,
    TemporaryError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What each kind of error is in HTTP; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which page answers which requests.

    Attributes
    ----------
    pattern
        The address, with `{name}` for a part that ends at the next slash.
    action
        What a caller has to be allowed to do; None where no caller has to be known.
    """

    method: str
    pattern: str
    page: Page
    action: Action | None

    def parts(self, path: str) -> dict[str, str] | None:
        """Return what a path has in the places of the pattern; None if it does not fit."""
        found = _expression(self.pattern).fullmatch(path)
        return found.groupdict() if found else None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    texts = _PLACE.split(pattern)  # text and name in turn; "{rest}" at the end may hold slashes
    within = "".join(
        re.escape(each) if index % 2 == 0 else f"(?P<{each}>{'.+' if each == 'rest' else '[^/]+'})"
        for index, each in enumerate(texts)
    )
    return re.compile(within)


@dataclass(frozen=True, slots=True)
class App:
    """The console.

    Attributes
    ----------
    before
        Sees every request before its page: it says whose it is, or answers itself.
    service
        Makes the service of a caller, who is None only where a route asks for none.
    report
        Keeps the error that is being handled, which no page was meant to raise.
    """

    routes: Sequence[Route]
    before: Before
    service: Callable[[Caller | None], Service]
    report: Callable[[], None]

    def answer(self, request: Request) -> Response:
        """Return the page that a request asks for, whatever happens, with the security headers."""
        try:
            response = self._page(request)
        except (PermanentError, TemporaryError) as error:
            return self.refuse(request, error)
        except Exception:  # noqa: BLE001  (whoever waits for a page gets one)
            response = self._broken(request)
        return response.having(_security(request))

    def pattern_of(self, request: Request) -> str:
        """Return the pattern of the address that a request asks for; "-" if there is none."""
        fitting = (each for each in self.routes if each.parts(request.path) is not None)
        return next((each.pattern for each in fitting), "-")

    def refuse(self, request: Request, error: Exception) -> Response:
        """Return the page for a request that an error says something of to whoever made it."""
        passes = isinstance(error, TemporaryError)
        page = error_page(request, _status_of(error), str(error), may_send_again=passes)
        return page.having(_security(request))

    def _broken(self, request: Request) -> Response:
        self.report()
        said = "This page could not be made. The function's log has the reason."
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return error_page(request, status, said, may_send_again=True)

    def _page(self, request: Request) -> Response:
        asked = "GET" if request.method == "HEAD" else request.method
        fitting = [
            (each, parts) for each in self.routes if (parts := each.parts(request.path)) is not None
        ]
        if not fitting:
            return error_page(request, HTTPStatus.NOT_FOUND, f"There is no page {request.path}.")
        for route, parts in fitting:
            if route.method == asked:
                return self._of_route(route, request.at(parts))
        allowed = ", ".join(sorted({route.method for route, _ in fitting}))
        response = error_page(
            request, HTTPStatus.METHOD_NOT_ALLOWED, f"This address takes {allowed} only."
        )
        return response.having({"Allow": allowed})

    def _of_route(self, route: Route, request: Request) -> Response:
        if route.action is None:
            return route.page(request, self.service(None))
        known = self.before(request)
        if isinstance(known, Response):
            return known
        assert known.caller is not None, "the hook lets nobody through without a caller"  # noqa: S101
        try:
            service = self.service(known.caller)
            refusals.require(service, route.action, f"{known.method} {known.path}")
            response = route.page(known, service)
            if request.method == "POST" and response.status == HTTPStatus.SEE_OTHER:
                response = replace(response, cookies=(*response.cookies, *done.note(route.action)))
        except (PermanentError, TemporaryError) as error:  # whoever it is can still sign out there
            response = self.refuse(known, error)
        except Exception:  # noqa: BLE001  (as above)
            response = self._broken(known)
        return replace(response, asked_by=known.caller.name)


def _status_of(error: Exception) -> HTTPStatus:
    return next(status for kind, status in _STATUSES.items() if isinstance(error, kind))


def _security(request: Request) -> dict[str, str]:
    policy = (
        "default-src 'none'",
        f"script-src 'self' 'nonce-{request.nonce}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types htmx",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
    }
