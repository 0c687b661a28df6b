"""A few requests at a time reach a function behind an HTTP API; the others wait for their turn.

Lambda has an environment for each request that comes while all others are busy, on machines of its
own. The engine starts a process for each, all on this machine: of fifty readers of the console each
waits until fifty interpreters have started, and most give up. A turn ends after some seconds, for
whoever takes longer only waits for something itself: `?wait=`, say.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Run = Callable[..., Awaitable[Any]]

_API_GATEWAY = "ministack.services.apigateway"
_AT_A_TIME = max(4, os.cpu_count() or 1)
_TURN_SECONDS = 10.0


def install() -> None:
    """Adapt how HTTP APIs call functions."""
    wrap(_API_GATEWAY, "run_reentrant", lambda run: in_turn(run, _AT_A_TIME, _TURN_SECONDS))


def in_turn(run: Run, at_a_time: int, turn_seconds: float) -> Run:
    """Return a `run` that calls each function so many times at once, in the order of requests."""
    turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(at_a_time))

    @functools.wraps(run)
    async def running(call: Any, record: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        async with turns[_name_of(record)]:
            answer = asyncio.ensure_future(run(call, record, *arguments, **options))
            await asyncio.wait({answer}, timeout=turn_seconds)
        return await answer

    return running


def _name_of(record: Any) -> str:  # noqa: ANN401
    config = record.get("config", record) if isinstance(record, dict) else {}
    return str(config.get("FunctionName", ""))
