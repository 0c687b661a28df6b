"""The HTTP API, behind API Gateway (payload format 2.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.function import function

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Answer a request."""
    return runtime.api.resolve(event, context)
