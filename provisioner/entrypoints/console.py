"""The console's own HTTP API: a request becomes a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.console import loopback
from provisioner.console.app import App
from provisioner.console.http import request_of, to_gateway
from provisioner.console.routes import ROUTES
from provisioner.entrypoints.function import function, logger
from provisioner.service.caller import Caller, Role

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.service.context import Service


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:  # noqa: ARG001
    """Answer a request of a browser."""
    request = request_of(event)
    return to_gateway(request, app_of(runtime).answer(request))


def app_of(runtime: Runtime) -> App:
    """Return the console of a bootstrap."""

    def service(caller: Caller | None) -> Service:
        return runtime.service(lambda: caller or _NOBODY)

    return App(ROUTES, loopback.before, service, lambda: logger.exception("no page"))


_NOBODY = Caller("-", via="console", role=Role.READ)
