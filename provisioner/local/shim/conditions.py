"""Condition keys, variables and actions of IAM policies, where the engine has none or others.

`aws:SecureTransport`: the engine speaks plain HTTP to the one machine that it is on, and the
bootstrap's policies refuse what does not come by TLS. The loopback interface counts as encrypted,
or no bucket could be read at all.

`cloudformation:RoleArn`: the engine does not know it, and the provisioner may only operate stacks
with the one service role.

`s3:if-none-match`: the engine does not know it, and builds may only put objects where there are
none.

`${aws:PrincipalTag/job}`: AWS puts the request's own value into the resources of a statement that
name such a variable; the engine takes it for a text.

`sqs:SendMessageBatch` and its like are not actions: AWS checks `sqs:SendMessage`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTIONS = "ministack.core.iam_actions"
_EVALUATOR = "ministack.core.iam_evaluator"
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def install() -> None:
    """Give every request the three keys, its variables, and the action that AWS asks for."""
    private(_ACTIONS, "_query_param")
    wrap("ministack.app", "pin_request_origin", _secure)
    wrap(_ACTIONS, "request_tag_context", _with_service_role)
    wrap(_ACTIONS, "s3_service_context", _with_its_condition)
    wrap(_ACTIONS, "extract_iam_action", _of_single_messages)
    wrap(_EVALUATOR, "_first_match", _with_variables)


def _secure(pin: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(pin)
    def pinning(source_ip: str, secure_transport: bool) -> None:  # noqa: FBT001
        del secure_transport
        pin(source_ip, True)  # noqa: FBT003

    return pinning


def _with_service_role(context: Callable[..., Any]) -> Callable[..., Any]:
    """Add to the keys that the engine reads from the request itself, whichever those are."""

    @functools.wraps(context)
    def keys(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> Any:  # noqa: ANN401
        found = context(service, action, body, parameters)
        role = private(_ACTIONS, "_query_param")(parameters, "RoleARN")
        if service == "cloudformation" and role:
            return found | {"cloudformation:RoleArn": role}
        return found

    return keys


def _with_its_condition(context: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(context)
    def keys(action: str, parameters: Any, path: str = "", headers: Any = None) -> Any:  # noqa: ANN401
        found = context(action, parameters, path, headers)
        condition = (headers or {}).get("if-none-match")
        return found | ({"s3:if-none-match": condition} if condition else {})

    return keys


def _of_single_messages(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    @functools.wraps(extract)
    def action(*args: Any, **kwargs: Any) -> str | None:  # noqa: ANN401
        found = extract(*args, **kwargs)
        return found.removesuffix("Batch") if found and found.startswith("sqs:") else found

    return action


def _with_variables(match: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(match)
    def matching(context: Any, statements: list[Any], effect: str) -> Any:  # noqa: ANN401
        return match(
            context, [_filled(each, context.principal_keys) for each in statements], effect
        )

    return matching


def _filled(statement: Any, values: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return a statement with the principal's values; one that it has none of matches nothing."""

    def value(found: re.Match[str]) -> str:
        return str(values.get(found[1].lower(), "\0"))

    changed = {
        name: [_VARIABLE.sub(value, pattern) for pattern in getattr(statement, name)]
        for name in ("resources", "not_resources")
        if any("${" in pattern for pattern in getattr(statement, name))
    }
    return dataclasses.replace(statement, **changed) if changed else statement
