"""DynamoDB streams after a restart: the engine keeps its readers' positions but not the records.

A mapping that had read ten records would overlook the next ten. Without a position it begins at
the trim horizon, which is the first record since the restart.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_LAMBDA = "ministack.services.lambda_svc"


def install() -> None:
    """Forget positions that a restart has made meaningless."""
    positions = private(_LAMBDA, "_dynamodb_stream_positions")

    def wrapper(restore: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(restore)
        def restoring(data: object) -> None:
            restore(data)
            positions.clear()

        return restoring

    wrap(_LAMBDA, "_restore_state", wrapper)
