"""Which invocation it was: Step Functions gets its id, as on AWS, and so does Python's error.

Lambda answers every call with the request's id, which Step Functions passes on as
`SdkResponseMetadata.RequestId`, and the runtime of Python puts it into its report of an error. The
engine logs an id, and tells it to nobody.
"""

from __future__ import annotations

import contextvars
import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_asked: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("asked", default=None)
"""Where the ids of the calls of one state are noted; the engine makes calls in copied contexts."""


def install() -> None:
    """Adapt what a call of a function leaves behind."""
    wrap("ministack.services.lambda_svc", "_execute_function_dispatch", _noting)
    wrap("ministack.services.stepfunctions", "_invoke_resource", _telling)


def _noting(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(dispatch)
    def dispatching(
        func: Any,  # noqa: ANN401
        config: dict[str, Any],
        event: Any,  # noqa: ANN401
        request_id: str,
        started: float,
    ) -> Any:  # noqa: ANN401
        if (asked := _asked.get()) is not None:
            asked.append(request_id)
        result = dispatch(func, config, event, request_id, started)
        body = result.get("body") if isinstance(result, dict) else None
        if isinstance(body, dict) and result.get("error") and _is_python(config):
            result["body"] = body | {"requestId": request_id}
        return result

    return dispatching


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


def _telling(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def invoking(resource: str, given: Any) -> Any:  # noqa: ANN401
        asked: list[str] = []
        _asked.set(asked)
        result = invoke(resource, given)
        if asked and isinstance(result, dict) and "Payload" in result:
            result = result | {"SdkResponseMetadata": {"RequestId": asked[-1]}}
        return result

    return invoking
