"""Stack operations continue after a restart.

The engine forgets what it was doing: its stacks would stay in CREATE_IN_PROGRESS forever. So each
operation is noted on its stack while it runs, and what is noted there at the start is begun again,
without making again what it had made.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap
from provisioner.local.shim.serving import when_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Operation = Callable[..., Coroutine[Any, Any, None]]

_CLOUDFORMATION = "ministack.services.cloudformation"
_STACKS = f"{_CLOUDFORMATION}.stacks"
_RESPONSES = "ministack.core.responses"
_NOTE = "_operation"
# Each of these took its own reference to the function by `from … import`.
_TAKEN_BY = {
    "_deploy_stack_async": ("stacks", "handlers", "changesets"),
    "_delete_stack_async": ("stacks", "handlers"),
    "_continue_update_rollback_async": ("stacks", "handlers"),
    "_roll_back_operation": ("stacks", "handlers"),
}
_Made = dict[tuple[str, str], dict[str, Any]]
_made: contextvars.ContextVar[_Made | None] = contextvars.ContextVar("made", default=None)


def install() -> None:
    """Note every operation, and continue with those that were noted."""
    for name, modules in _TAKEN_BY.items():
        for module in modules:
            wrap(f"{_CLOUDFORMATION}.{module}", name, _noting)
    wrap(_STACKS, "_provision_resource", _once)
    wrap(_CLOUDFORMATION, "_restore_state", _and_go_on)


def _noting(operate: Operation) -> Operation:
    @functools.wraps(operate)
    def operating(
        stack_name: str,
        stack_id: str,
        *arguments: Any,  # noqa: ANN401
        **more: Any,  # noqa: ANN401
    ) -> Coroutine[Any, Any, None]:
        stack = private(_CLOUDFORMATION, "_stacks")[stack_name]
        outer = stack.get(_NOTE)
        stack[_NOTE] = {
            "name": operate.__name__,
            # A rollback is given its stack, which cannot be noted on itself.
            "arguments": [_plain(value) for value in arguments if value is not stack],
            "more": more,
            "token": private(_STACKS, "CLIENT_REQUEST_TOKEN").get(),
        }
        return until_over(operate(stack_name, stack_id, *arguments, **more), stack, outer)

    async def until_over(
        operation: Coroutine[Any, Any, None], stack: dict[str, Any], outer: dict[str, Any] | None
    ) -> None:
        try:
            await operation
        finally:
            stack[_NOTE] = outer

    return operating


def _plain(value: Any) -> Any:  # noqa: ANN401
    return sorted(value) if isinstance(value, frozenset) else value


def _and_go_on(restore: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(restore)
    def restoring(data: object) -> None:
        restore(data)
        for (account, region, _), stack in private(_CLOUDFORMATION, "_stacks")._data.items():  # noqa: SLF001
            if stack.get(_NOTE):
                when_serving(functools.partial(_go_on, stack, account, region))

    return restoring


def _go_on(stack: dict[str, Any], account: str, region: str) -> None:
    note = stack.pop(_NOTE)
    with private(_RESPONSES, "request_scope")(account, region):
        token = private(_STACKS, "CLIENT_REQUEST_TOKEN").set(note["token"])
        made = _made.set(_resources_made(stack, note))
        # The task copies the context that it is made in.
        asyncio.get_running_loop().create_task(_begun_again(stack, note))
        _made.reset(made)
        private(_STACKS, "CLIENT_REQUEST_TOKEN").reset(token)


def _begun_again(stack: dict[str, Any], note: dict[str, Any]) -> Coroutine[Any, Any, None]:
    arguments = note["arguments"]
    if note["name"] == "_roll_back_operation":
        operation = arguments[0]
        there = [name for name in operation["created"] if name in stack["_resources"]]
        arguments = [stack, operation | {"created": there}, *arguments[1:]]
    operate = private(_STACKS, note["name"])
    begun: Coroutine[Any, Any, None] = operate(
        stack["StackName"], stack["StackId"], *arguments, **note["more"]
    )
    return begun


def _resources_made(stack: dict[str, Any], note: dict[str, Any]) -> _Made:
    before = (note["more"].get("previous_stack") or {}).get("_resources", {})
    return {
        (stack["StackName"], name): resource
        for name, resource in stack["_resources"].items()
        if name not in before
    }


def _once(provision: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(provision)
    def provisioning(
        resource_type: str, logical_id: str, properties: dict[str, Any], stack_name: str
    ) -> Any:  # noqa: ANN401
        made = (_made.get() or {}).get((stack_name, logical_id))
        if made is not None:
            return made["PhysicalResourceId"], made["Attributes"]
        return provision(resource_type, logical_id, properties, stack_name)

    return provisioning
