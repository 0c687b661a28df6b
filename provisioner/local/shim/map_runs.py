"""Step Functions: a Distributed Map in JSONata, and its end when its execution is stopped.

The engine reads only a Map's fields of JSONPath, and lets the children of a stopped execution run.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_JSONATA_FIELDS = ("Items", "Assign", "Output")


class _ItemSelector(dict[str, Any]):
    """A selector that is to be evaluated as JSONata, on the input of its Map state."""

    def __init__(self, template: dict[str, Any], given: Any) -> None:  # noqa: ANN401
        super().__init__(template)
        self.given = given


def install() -> None:
    """Adapt the state, what each of its children is given, and how long they run."""
    wrap(_STEP_FUNCTIONS, "_run_distributed_map", _in_jsonata)
    wrap(_STEP_FUNCTIONS, "_resolve_params_obj", _selecting)
    wrap(_STEP_FUNCTIONS, "_execute_task", _unless_stopped)


def _in_jsonata(run: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate the state's own fields around the engine's run of a JSONPath state."""

    @functools.wraps(run)
    def running(
        state: dict[str, Any],
        given: Any,  # noqa: ANN401
        effective: Any,  # noqa: ANN401
        iterator: dict[str, Any],
        execution: dict[str, Any],
        context: dict[str, Any],
    ) -> Any:  # noqa: ANN401
        if private(_STEP_FUNCTIONS, "_state_query_language")(state, context) != "JSONata":
            return run(state, given, effective, iterator, execution, context)
        plain = {name: value for name, value in state.items() if name not in _JSONATA_FIELDS}
        if "Items" in state:
            evaluated = private(_STEP_FUNCTIONS, "_jsonata_state_field")
            effective = evaluated(state, "Items", "array", given, context)
        if "ItemSelector" in state:
            plain["ItemSelector"] = _ItemSelector(state["ItemSelector"], given)
        result, following = run(plain, given, effective, iterator, execution, context)
        output = private(_STEP_FUNCTIONS, "_apply_jsonata_output")(
            state, given, context, result=result, default=result
        )
        private(_STEP_FUNCTIONS, "_apply_state_assign")(state, given, context, result=result)
        return output, following

    return running


def _selecting(resolve: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(resolve)
    def resolving(template: Any, data: Any, context: Any = None) -> Any:  # noqa: ANN401
        if isinstance(template, _ItemSelector):
            evaluated = private(_STEP_FUNCTIONS, "_apply_jsonata_template")
            return evaluated(dict(template), template.given, context)
        return resolve(template, data, context)

    return resolving


def _unless_stopped(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Let a child do no more when the execution that it belongs to has ended."""

    @functools.wraps(execute)
    def executing(
        state: dict[str, Any],
        given: Any,  # noqa: ANN401
        execution: dict[str, Any],
        context: dict[str, Any],
    ) -> Any:  # noqa: ANN401
        if "mapRunArn" in execution:
            run = private(_STEP_FUNCTIONS, "_map_runs")[execution["mapRunArn"]]
            parent = private(_STEP_FUNCTIONS, "_executions")[run["executionArn"]]
            if parent["status"] != "RUNNING":
                failed = private(_STEP_FUNCTIONS, "_ExecutionError")
                raise failed("States.Runtime", "the execution of this Map has ended")
        return execute(state, given, execution, context)

    return executing
