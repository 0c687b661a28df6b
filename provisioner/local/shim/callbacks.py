"""Step Functions: tasks that wait for a token, as documented.

HeartbeatSeconds ends an attempt that is silent for so long; a token of an execution that has ended
is refused with TaskTimedOut. The engine knows neither.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import executions
from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_LOOK_SECONDS = 0.2

# Which execution has handed out a token.
_executions: dict[str, str] = {}


def install() -> None:
    """Adapt the wait for a token, and what is sent with one."""
    private(_STEP_FUNCTIONS, "_task_tokens")
    private(_STEP_FUNCTIONS, "_executions")
    wrap(_STEP_FUNCTIONS, "_invoke_with_callback", _with_heartbeat)
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        wrap(_STEP_FUNCTIONS, name, _only_while_running)


def _with_heartbeat(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def invoking(resource: str, given: object, token: str, state: dict[str, Any]) -> Any:  # noqa: ANN401
        limits = {
            name: executions.computed(name, state[name])
            for name in ("HeartbeatSeconds", "TimeoutSeconds")
            if name in state
        }
        _executions[token] = executions.current()
        over = threading.Event()
        if seconds := limits.get("HeartbeatSeconds"):
            threading.Thread(target=_watch, args=(token, seconds, over), daemon=True).start()
        try:
            return invoke(resource, given, token, {**state, **limits})
        finally:
            over.set()
            _executions.pop(token, None)

    return invoking


def _watch(token: str, seconds: float, over: threading.Event) -> None:
    """Fail an attempt when no heartbeat has come for so long."""
    last, seen = time.monotonic(), None
    while not over.wait(_LOOK_SECONDS):
        task = private(_STEP_FUNCTIONS, "_task_tokens").get(token)
        if task is None:
            continue
        if task["heartbeat"] != seen:
            last, seen = time.monotonic(), task["heartbeat"]
        if time.monotonic() - last > seconds:
            task["error"] = {"Error": "States.HeartbeatTimeout", "Cause": ""}
            task["event"].set()
            return


def _only_while_running(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def sending(data: dict[str, Any]) -> Any:  # noqa: ANN401
        known = private(_STEP_FUNCTIONS, "_executions")
        execution = known.get(_executions.get(data.get("taskToken", ""), ""))
        if execution is not None and execution["status"] != "RUNNING":
            refuse = private("ministack.core.responses", "error_response_json")
            return refuse("TaskTimedOut", "the execution has ended", 400)
        return send(data)

    return sending
