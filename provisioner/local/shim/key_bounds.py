"""A Query whose BETWEEN has its bounds the wrong way round is refused, as DynamoDB does.

The engine answers it with no items.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_DYNAMODB = "ministack.services.dynamodb"
_MESSAGE = (
    "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be "
    "greater than or equal to lower bound"
)


def install() -> None:
    """Adapt what the engine checks of a key condition."""
    wrap(_DYNAMODB, "_key_condition_operand_error", _with_bounds)


def _with_bounds(error_of: Callable[..., Any]) -> Callable[..., Any]:
    clauses = private(_DYNAMODB, "_key_condition_clauses")
    refused = private("ministack.core.responses", "error_response_json")

    @functools.wraps(error_of)
    def checking(condition: str, values: dict[str, Any] | None) -> Any:  # noqa: ANN401
        error = error_of(condition, values)
        if error or not values:
            return error
        for clause in clauses(private(_DYNAMODB, "_tokenize")(condition)):
            match clause:
                case [_, ("IDENT", word), ("VALUE_REF", low), _, ("VALUE_REF", high)] if (
                    word.upper() == "BETWEEN" and _bound(values[low]) > _bound(values[high])
                ):
                    return refused("ValidationException", _MESSAGE, 400)
        return None

    return checking


def _bound(value: dict[str, str]) -> Any:  # noqa: ANN401
    ((kind, bound),) = value.items()
    return float(bound) if kind == "N" else bound.encode()
