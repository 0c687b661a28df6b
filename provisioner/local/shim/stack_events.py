"""The relay: stack status changes become events on the default bus, as AWS publishes them.

AWS puts "CloudFormation Stack Status Change" on EventBridge; the engine only keeps its own list of
stack events, and refuses `aws.*` sources from clients as AWS does. So each stack event that the
engine records is also put onto its bus from inside, where the deployed rule, its pattern and its
target do the rest.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOUDFORMATION = "ministack.services.cloudformation"
# Each of these took its own reference to the function by `from … import`.
_RECORDERS = ("stacks", "handlers", "changesets")
_unpublished: list[Callable[[], object]] = []


def install() -> None:
    """Publish every stack status change from now on."""
    put_events = private("ministack.services.eventbridge", "_put_events")
    token = private(f"{_CLOUDFORMATION}.stacks", "CLIENT_REQUEST_TOKEN")
    for recorder in _RECORDERS:
        wrap(f"{_CLOUDFORMATION}.{recorder}", "_add_event", _relaying(put_events, token))
    wrap("ministack.services.eventbridge", "get_state", _all_published)


def status_change(stack_id: str, status: str, reason: str, client_token: str) -> dict[str, Any]:
    """Return the documented event as a PutEvents entry."""
    detail = {
        "stack-id": stack_id,
        "status-details": {"status": status, "status-reason": reason},
        "client-request-token": client_token,
    }
    return {
        "Source": "aws.cloudformation",
        "DetailType": "CloudFormation Stack Status Change",
        "Resources": [stack_id],
        "Detail": json.dumps(detail),
    }


def _relaying(
    put_events: Callable[..., Any], token: contextvars.ContextVar[str]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrapper(add_event: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(add_event)
        def recorded(
            stack_id: str,
            stack_name: str,
            logical_id: str,
            resource_type: str,
            status: str,
            reason: str = "",
            *args: Any,  # noqa: ANN401
            **kwargs: Any,  # noqa: ANN401
        ) -> None:
            add_event(
                stack_id, stack_name, logical_id, resource_type, status, reason, *args, **kwargs
            )
            if resource_type == "AWS::CloudFormation::Stack" and logical_id == stack_name:
                entry = status_change(stack_id, status, reason, token.get())
                _soon(lambda: put_events({"Entries": [entry]}, allow_aws_source=True))

        return recorded

    return wrapper


def _soon(publish: Callable[[], object]) -> None:
    """Publish when the running step is over: some steps record the event before the status."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        publish()
    else:
        _unpublished.append(functools.partial(contextvars.copy_context().run, publish))
        loop.call_soon(_publish)


def _publish() -> None:
    while _unpublished:
        _unpublished.pop(0)()


def _all_published(get_state: Callable[[], Any]) -> Callable[[], Any]:
    """Deliver events before saving state: after a restart they could no longer be delivered."""

    @functools.wraps(get_state)
    def state() -> Any:  # noqa: ANN401
        _publish()
        return get_state()

    return state
