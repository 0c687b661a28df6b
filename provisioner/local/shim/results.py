"""Step Functions: results of tasks as they are, and no larger than AWS lets them be.

A text that a function returns stays a text; the engine reads "3" as 3. A result over 256 KiB ends
the execution with `States.DataLimitExceeded`, which, as `States.Runtime`, no `States.ALL` catches.
"""

from __future__ import annotations

import contextvars
import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_MOST_BYTES = 262_144
"""Step Functions' quota of the input or output of a task, in UTF-8."""
_TOO_LARGE = "States.DataLimitExceeded"
_TERMINAL = frozenset({_TOO_LARGE, "States.Runtime"})

_for_a_workflow: contextvars.ContextVar[bool] = contextvars.ContextVar("workflow", default=False)


def install() -> None:
    """Adapt what becomes of a task's result."""
    private(_STEP_FUNCTIONS, "_ExecutionError")
    wrap(_STEP_FUNCTIONS, "_call_lambda", _marked)
    wrap("ministack.services.lambda_svc", "_execute_function_warm", _keeping_texts)
    wrap(_STEP_FUNCTIONS, "_invoke_resource", _limited)
    wrap(_STEP_FUNCTIONS, "_error_matches", _only_by_name)


def _marked(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def calling(*arguments: Any) -> Any:  # noqa: ANN401
        token = _for_a_workflow.set(True)
        try:
            return call(*arguments)
        finally:
            _for_a_workflow.reset(token)

    return calling


def _keeping_texts(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Return texts as JSON, since the engine's workflows parse every text."""

    @functools.wraps(execute)
    def executing(*arguments: Any) -> Any:  # noqa: ANN401
        result = execute(*arguments)
        if _for_a_workflow.get() and isinstance(result.get("body"), str):
            result["body"] = json.dumps(result["body"])
        return result

    return executing


def _limited(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def invoking(resource: str, given: Any) -> Any:  # noqa: ANN401
        result = invoke(resource, given)
        if len(json.dumps(result, ensure_ascii=False).encode()) > _MOST_BYTES:
            message = (
                f"The state/task '{resource}' returned a result with a size exceeding the maximum "
                "number of bytes service limit."
            )
            raise private(_STEP_FUNCTIONS, "_ExecutionError")(_TOO_LARGE, message)
        return result

    return invoking


def _only_by_name(matches: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(matches)
    def matching(names: list[str], error: str) -> bool:
        return error in names if error in _TERMINAL else matches(names, error)

    return matching
