"""A function behind an HTTP API gets the variables of the stage, as on AWS.

The engine keeps them, and gives them to authorizers alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_API_GATEWAY = "ministack.services.apigateway"


def install() -> None:
    """Adapt the events of HTTP APIs."""
    private(_API_GATEWAY, "_get_stage_variables")
    wrap(_API_GATEWAY, "run_reentrant", _with_stage_variables)


def _with_stage_variables(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def running(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        for event in arguments:
            if isinstance(event, dict) and event.get("version") == "2.0" and "rawPath" in event:
                context = event["requestContext"]
                find = private(_API_GATEWAY, "_get_stage_variables")
                if variables := find(context["apiId"], context["stage"]):
                    event.setdefault("stageVariables", variables)
        return run(*arguments, **options)

    return running
