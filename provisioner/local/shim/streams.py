"""DynamoDB streams over a restart: records are kept for a day, read or not.

The engine keeps its readers' positions but not the records, so that a mapping that had read ten of
them would overlook the next ten, and rows written just before the end would never be seen.
"""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_DYNAMODB = "ministack.services.dynamodb"
_LAMBDA = "ministack.services.lambda_svc"
_STORES = ("_stream_records", "_stream_trimmed")


def install() -> None:
    """Save the records with the tables, and load them with these."""
    for name in _STORES:
        private(_DYNAMODB, name)
    private(_LAMBDA, "_dynamodb_stream_positions")
    wrap(_DYNAMODB, "get_state", _with_records)
    wrap(_DYNAMODB, "_restore_state", _and_records)
    wrap(_LAMBDA, "_restore_state", _and_positions)


def _with_records(get_state: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    @functools.wraps(get_state)
    def state() -> dict[str, Any]:
        return get_state() | {n: copy.deepcopy(private(_DYNAMODB, n)) for n in _STORES}

    return state


def _and_records(restore: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(restore)
    def restoring(data: dict[str, Any]) -> None:
        restore(data)
        for name in _STORES:
            private(_DYNAMODB, name).update((data or {}).get(name, {}))

    return restoring


def _and_positions(restore: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(restore)
    def restoring(data: object) -> None:
        restore(data)
        if not private(_DYNAMODB, "_stream_records").has_any():
            # Positions in what is not there: begin at the trim horizon.
            private(_LAMBDA, "_dynamodb_stream_positions").clear()

    return restoring
