"""How many runs a function may have at once: CloudFormation sets `ReservedConcurrentExecutions`.

The engine holds functions to it, but sets it by Lambda's own API only; its CloudFormation leaves
the property out.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable

_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_FUNCTION = "AWS::Lambda::Function"


def install() -> None:
    """Set the property whenever a stack creates or updates a function."""
    handlers = private(_PROVISIONERS, "_RESOURCE_HANDLERS")[_FUNCTION]
    handlers["create"] = _created(handlers["create"])
    handlers["update"] = _updated(handlers["update"])


def _reserve(name: str, properties: dict[str, Any]) -> None:
    functions = private("ministack.services.lambda_svc", "_functions")
    reserved = properties.get("ReservedConcurrentExecutions")
    functions[name]["concurrency"] = None if reserved is None else int(reserved)


def _created(create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def creating(logical_id: str, properties: dict[str, Any], *more: Any) -> Any:  # noqa: ANN401
        made = create(logical_id, properties, *more)
        _reserve(made[0], properties)
        return made

    return creating


def _updated(update: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(update)
    def updating(
        physical_id: str,
        before: dict[str, Any],
        properties: dict[str, Any],
        *more: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        made = update(physical_id, before, properties, *more)
        _reserve(made[0], properties)
        return made

    return updating
