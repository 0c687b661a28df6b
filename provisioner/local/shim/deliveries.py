"""Events for a Lambda function are kept until it has taken them, and tried again when it fails.

The engine hands an event over once and forgets it: a worker that dies, or a restart, loses it. AWS
tries a failed function twice more, after one minute and after two, here after one second and two.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap
from provisioner.local.shim.serving import when_serving

if TYPE_CHECKING:
    from collections.abc import Callable

_EVENTBRIDGE = "ministack.services.eventbridge"
_LAMBDA = "ministack.services.lambda_svc"
_RESPONSES = "ministack.core.responses"
_KEY = "undelivered"
_DELAYS_SECONDS = (1, 2)

Delivery = dict[str, str]
_undelivered: dict[int, Delivery] = {}


def install() -> None:
    """Keep what is on its way."""
    for name in ("_get_func_record_for_ref", "_execution_record_for_config"):
        private(_LAMBDA, name)
    for name in ("_execute_function_with_config_scope", "_route_async_failure"):
        private(_LAMBDA, name)
    wrap(_EVENTBRIDGE, "_dispatch_to_lambda", lambda _dispatch: _dispatch_durably)
    wrap(_EVENTBRIDGE, "get_state", _with_undelivered)
    wrap(_EVENTBRIDGE, "_restore_state", _and_undelivered)


def _dispatch_durably(arn: str, payload: str) -> None:
    account, region = (private(_RESPONSES, name)() for name in ("get_account_id", "get_region"))
    _start({"arn": arn, "payload": payload, "account": account, "region": region})


def _start(delivery: Delivery) -> None:
    _undelivered[id(delivery)] = delivery
    threading.Thread(target=_deliver, args=(delivery,), daemon=True).start()


def _deliver(delivery: Delivery) -> None:
    with private(_RESPONSES, "request_scope")(delivery["account"], delivery["region"]):
        _invoke(delivery["arn"], json.loads(delivery["payload"]))
    del _undelivered[id(delivery)]


def _invoke(arn: str, event: object) -> None:
    """Try a function as it is at each try: it may be changed between them, or deleted."""
    invoke = private(_LAMBDA, "_execute_function_with_config_scope")
    for seconds in (*_DELAYS_SECONDS, None):
        function, config, name = private(_LAMBDA, "_get_func_record_for_ref")(arn)
        if not function or not config:
            return
        record = private(_LAMBDA, "_execution_record_for_config")(function, config)
        result: dict[str, Any] = invoke(record, event)
        if not result.get("error"):
            return
        if seconds is not None:
            time.sleep(seconds)
    if target := (config.get("DeadLetterConfig") or {}).get("TargetArn"):
        private(_LAMBDA, "_route_async_failure")(target, name, event, result)


def _with_undelivered(get_state: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    @functools.wraps(get_state)
    def state() -> dict[str, Any]:
        return get_state() | {_KEY: list(_undelivered.values())}

    return state


def _and_undelivered(restore: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(restore)
    def restoring(data: dict[str, Any]) -> None:
        restore(data)
        for delivery in (data or {}).get(_KEY, ()):
            when_serving(functools.partial(_start, delivery))

    return restoring
