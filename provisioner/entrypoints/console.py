"""The console's own HTTP API: a request becomes a page."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from provisioner.console import loopback
from provisioner.console.app import App
from provisioner.console.gate import Gate
from provisioner.console.http import request_of, to_gateway
from provisioner.console.routes import ROUTES
from provisioner.console.same_origin import origin_of
from provisioner.entrypoints.function import function, logger
from provisioner.errors import InvalidRequestError
from provisioner.service.caller import Caller, Role
from provisioner.settings import SignInSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.console.sign_in import SignIn
    from provisioner.entrypoints.wiring import Runtime
    from provisioner.service.context import Service


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:  # noqa: ARG001
    """Answer a request of a browser, and log that it was answered: no text that anybody sent."""
    began = time.monotonic()
    before = runtime.clients.reads("dynamodb")
    try:
        request, error = request_of(event), None
    except InvalidRequestError as unread:
        request, error = request_of({**event, "body": None}), unread
    settings = SignInSettings.of_stage(os.environ, event.get("stageVariables"))
    sign_in = runtime.sign_in(settings, origin_of(request.host)) if settings else None
    app = app_of(runtime, sign_in)
    answer = app.refuse(request, error) if error else app.answer(request)
    logger.info(
        "answered",
        method=request.method,
        route=app.pattern_of(request),
        status=int(answer.status),
        ms=round((time.monotonic() - began) * 1000),
        who=answer.asked_by,
    )
    timing = f'reads;desc="{runtime.clients.reads("dynamodb") - before}"'
    return to_gateway(request, answer.having({"Server-Timing": timing}))


def app_of(runtime: Runtime, sign_in: SignIn | None) -> App:
    """Return the console of a bootstrap; without a sign-in it answers this machine alone."""

    def service(caller: Caller | None) -> Service:
        return runtime.service(lambda: caller or _NOBODY)

    def report() -> None:
        logger.exception("no page")

    if sign_in is None:
        return App(ROUTES, loopback.before, service, report)
    gate = Gate(sign_in)
    return App((*gate.routes, *ROUTES), gate.before, service, report)


_NOBODY = Caller("-", via="console", role=Role.READ)
