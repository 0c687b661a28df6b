"""Step Functions: `ecs:runTask.sync` as documented, and attempts and executions that time out."""

from __future__ import annotations

import contextvars
import functools
import json
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_ECS = "ministack.services.ecs"
_RUN_TASK = "arn:aws:states:::ecs:runTask"
_POLL_SECONDS = 0.1
_EXPRESSION_MILLISECONDS = 20_000
_EXPRESSIONS = 2_000
"""Kept parsed; a workflow has some fifty."""

_task: contextvars.ContextVar[tuple[dict[str, Any], Any, dict[str, Any]]] = contextvars.ContextVar(
    "task"
)
"""The state that is being executed, its input and its context object."""


def install() -> None:
    """Adapt the run of a task and the end of an execution."""
    private(_ECS, "_describe_tasks")
    wrap(_STEP_FUNCTIONS, "_invoke_ecs_run_task", _failing)
    wrap(_STEP_FUNCTIONS, "_poll_ecs_tasks", _as_documented)
    dispatch = private(_STEP_FUNCTIONS, "_SERVICE_DISPATCH")
    dispatch[_RUN_TASK] = private(_STEP_FUNCTIONS, "_invoke_ecs_run_task")
    private(_STEP_FUNCTIONS, "_jsonata_state_field")
    wrap(_STEP_FUNCTIONS, "_execute_task", _known)
    wrap(_STEP_FUNCTIONS, "_invoke_resource_with_timeout", _with_computed_timeout)
    wrap(_STEP_FUNCTIONS, "_fail_execution", _only_while_running)
    wrap(_STEP_FUNCTIONS, "_run_execution", _with_timeout)
    expressions = private("jsonata", "Jsonata")
    expressions.jsonata = staticmethod(_patient(expressions.jsonata))
    parser = private("jsonata.parser", "Parser")
    parser.parse = _once(parser, parser.parse)


def _patient(parse: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(parse)
    def parsing(expression: str, **options: Any) -> Any:  # noqa: ANN401
        return parse(expression, **options | {"timeout": _EXPRESSION_MILLISECONDS})

    return parsing


def _once(parser: Callable[[], Any], parse: Callable[..., Any]) -> Callable[..., Any]:
    """Parse an expression once: each run evaluates those of its job's workflow again."""

    @functools.lru_cache(maxsize=_EXPRESSIONS)
    def parsed(*given: Any) -> Any:  # noqa: ANN401
        return parse(parser(), *given)

    @functools.wraps(parse)
    def parsing(_parser: object, *given: Any) -> Any:  # noqa: ANN401
        return parsed(*given)

    return parsing


def _failing(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """Fail at once when no task was started.

    With failures in RunTask's answer that is AmazonECS.Unknown; the engine takes it for a success.
    Where no container engine answers, the engine would say RUNNING forever.
    """

    @functools.wraps(invoke)
    def invoking(resource: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        if private(_ECS, "_get_docker")() is None:
            message = "no Docker or Podman answers on this machine, so containers cannot run here"
            raise private(_STEP_FUNCTIONS, "_ExecutionError")("ECS.ClientException", message)
        answer = invoke(resource, arguments)
        if resource.endswith(".sync") and answer.get("failures"):
            cause = json.dumps(pascal_case(answer))
            raise private(_STEP_FUNCTIONS, "_ExecutionError")("AmazonECS.Unknown", cause)
        return answer

    return invoking


def _as_documented(_poll: Callable[..., Any]) -> Callable[..., Any]:
    """Answer with the task itself in PascalCase, or fail with it as the cause.

    Its times are epoch milliseconds. The engine answers with DescribeTasks' whole response,
    whatever the exit code was, looks once a second, and gives up after ten minutes.
    """

    def polling(cluster: str, task_arns: list[str]) -> Any:  # noqa: ANN401
        task = _stopped(cluster, task_arns)
        document = pascal_case(with_milliseconds(task))
        if failed(task, _essentials(task["taskArn"])):
            raise private(_STEP_FUNCTIONS, "_ExecutionError")(
                "States.TaskFailed", json.dumps(document)
            )
        return document

    return polling


def _stopped(cluster: str, task_arns: list[str]) -> dict[str, Any]:
    describe = private(_ECS, "_describe_tasks")
    while True:
        _, _, body = describe({"cluster": cluster, "tasks": task_arns})
        tasks = json.loads(body).get("tasks", [])
        if tasks and all(task["lastStatus"] == "STOPPED" for task in tasks):
            first: dict[str, Any] = tasks[0]
            return first
        time.sleep(_POLL_SECONDS)


def _essentials(task_arn: str) -> list[bool]:
    record = private(_ECS, "_tasks").get(task_arn) or {}
    return list(record.get("_container_essentials", ()))


def failed(task: dict[str, Any], essentials: list[bool]) -> bool:
    """Tell whether a stopped task counts as failed: it never started, or an essential part of it.

    An essential container that did not exit by itself with 0 fails its task.
    """
    if task.get("stopCode") == "TaskFailedToStart":
        return True
    containers = task.get("containers", [])
    flags = essentials or [True] * len(containers)
    return any(
        essential and container.get("exitCode") != 0
        for container, essential in zip(containers, flags, strict=True)
    )


def with_milliseconds(task: dict[str, Any]) -> dict[str, Any]:
    """Return a task with its times as Step Functions has them.

    >>> with_milliseconds({"startedAt": "1970-01-01T00:00:01.500Z", "cpu": "256"})
    {'startedAt': 1500, 'cpu': '256'}
    """
    return {
        name: _milliseconds(value) if name.endswith("At") else value for name, value in task.items()
    }


def _milliseconds(value: Any) -> Any:  # noqa: ANN401 - a time or nothing
    return round(datetime.fromisoformat(value).timestamp() * 1000) if value else value


def pascal_case(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with its keys as Step Functions' integrations spell them.

    >>> pascal_case({"taskArn": "a", "containers": [{"exitCode": 0}]})
    {'TaskArn': 'a', 'Containers': [{'ExitCode': 0}]}
    """
    match value:
        case dict():
            return {key[:1].upper() + key[1:]: pascal_case(item) for key, item in value.items()}
        case list():
            return [pascal_case(item) for item in value]
        case _:
            return value


def _known(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Remember which state is executed while its expressions are evaluated."""

    @functools.wraps(execute)
    def executing(
        state: dict[str, Any],
        given: Any,  # noqa: ANN401
        execution: dict[str, Any],
        context: dict[str, Any],
    ) -> Any:  # noqa: ANN401
        token = _task.set((state, given, context))
        try:
            return execute(state, given, execution, context)
        finally:
            _task.reset(token)

    return executing


def _with_computed_timeout(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate a TimeoutSeconds that is JSONata, which the engine takes for a number."""

    @functools.wraps(invoke)
    def invoking(resource: str, arguments: Any, timeout: float | str) -> Any:  # noqa: ANN401
        return invoke(resource, arguments, computed("TimeoutSeconds", timeout))

    return invoking


def computed(name: str, value: float | str) -> float:
    """Return a number that a field of the state that is being executed holds or computes."""
    if not isinstance(value, str):
        return value
    state, given, context = _task.get()
    found: float = private(_STEP_FUNCTIONS, "_jsonata_state_field")(
        state, name, "number", given, context
    )
    return found


def current() -> str:
    """Return the ARN of the execution whose state is being executed."""
    arn: str = _task.get()[2]["Execution"]["Id"]
    return arn


def _only_while_running(fail: Callable[..., Any]) -> Callable[..., Any]:
    """Let an execution that was aborted or timed out stay so when its last step fails later."""

    @functools.wraps(fail)
    def failing(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    return failing


def _with_timeout(run: Callable[..., Any]) -> Callable[..., Any]:
    """Heed the state machine's own TimeoutSeconds, which the engine does not know."""

    @functools.wraps(run)
    def running(execution_arn: str) -> None:
        execution = private(_STEP_FUNCTIONS, "_executions").get(execution_arn)
        seconds = _timeout_seconds(execution) if execution else None
        if seconds is None:
            run(execution_arn)
            return
        context = contextvars.copy_context()
        timer = threading.Timer(seconds, context.run, (_time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            run(execution_arn)
        finally:
            timer.cancel()

    return running


def _timeout_seconds(execution: dict[str, Any]) -> float | None:
    machine = private(_STEP_FUNCTIONS, "_state_machines").get(execution["stateMachineArn"])
    try:
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    except ValueError:
        return None
    return float(seconds) if isinstance(seconds, int | float) else None


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution["status"] = "TIMED_OUT"
    execution["error"] = "States.Timeout"
    execution["stopDate"] = private("ministack.core.responses", "now_iso")()
    private(_STEP_FUNCTIONS, "_add_event")(
        execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}}
    )
    private(_STEP_FUNCTIONS, "_emit_execution_status_event")(execution)
