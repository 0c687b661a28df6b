"""Stacks in states that the engine treats otherwise than AWS does.

A deleted stack stays describable by its id; the engine forgets it when its name is used again.

A stack that is being deleted takes another DeleteStack, which changes nothing; the engine begins a
second deletion.

A stack in UPDATE_FAILED, which is one whose rollback was switched off, can be updated; the engine
refuses.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOUDFORMATION = "ministack.services.cloudformation"
_UPDATABLE = "UPDATE_ROLLBACK_COMPLETE"


def install() -> None:
    """Adapt the operations that meet such stacks."""
    handlers = private(f"{_CLOUDFORMATION}.handlers", "_ACTION_HANDLERS")
    for operation in ("CreateStack", "CreateChangeSet"):
        handlers[operation] = _keeping_the_deleted(handlers[operation])
    handlers["DeleteStack"] = _once(handlers["DeleteStack"])
    handlers["UpdateStack"] = _after_a_failed_update(handlers["UpdateStack"])


def _keeping_the_deleted(create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def creating(parameters: dict[str, Any]) -> Any:  # noqa: ANN401
        stacks = private(_CLOUDFORMATION, "_stacks")
        name = _name(parameters)
        before = stacks.get(name)
        answer = create(parameters)
        if before and before is not stacks.get(name) and _is(before, "DELETE_COMPLETE"):
            # Whatever looks for an id looks at the keys, too.
            stacks[before["StackId"]] = before
        return answer

    return creating


def _once(delete: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(delete)
    def deleting(parameters: dict[str, Any]) -> Any:  # noqa: ANN401
        stack = private(f"{_CLOUDFORMATION}.handlers", "_resolve_stack")(_name(parameters))
        if stack and _is(stack, "DELETE_IN_PROGRESS"):
            answer = private(f"{_CLOUDFORMATION}.handlers", "_xml")
            return answer(200, "DeleteStackResponse", "")
        return delete(parameters)

    return deleting


def _after_a_failed_update(update: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(update)
    def updating(parameters: dict[str, Any]) -> Any:  # noqa: ANN401
        stack = private(f"{_CLOUDFORMATION}.handlers", "_resolve_stack")(_name(parameters))
        if not stack or not _is(stack, "UPDATE_FAILED"):
            return update(parameters)
        stack["StackStatus"] = _UPDATABLE
        try:
            return update(parameters)
        finally:
            if _is(stack, _UPDATABLE):  # refused for another reason
                stack["StackStatus"] = "UPDATE_FAILED"

    return updating


def _is(stack: dict[str, Any], status: str) -> bool:
    return bool(stack["StackStatus"] == status)


def _name(parameters: dict[str, Any]) -> str:
    name: str = private(f"{_CLOUDFORMATION}.helpers", "_p")(parameters, "StackName")
    return name
