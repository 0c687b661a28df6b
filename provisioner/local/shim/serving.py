"""The engine's beginning and end, around which AWS's services just continue.

What continues after a restart may call the engine at once, so it begins when that answers; the
engine's own pollers would begin before that, and lose what they read.

Garbage is collected seldom: each collection looks at all that the engine holds, for a fourteenth of
what it computed.

At its end the engine waits for everything that runs in it, a custom resource for an hour. What runs
on is done again at the next start, so there is nothing to wait for once the state is saved.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_APP = "ministack.app"
_answers = threading.Event()
_waiting: list[Callable[[], None]] = []
_COLLECT_AFTER = (50_000, 20, 20)
"""Objects, collections of the young, and of the middle-aged: `gc.set_threshold`."""


def when_serving(act: Callable[[], None]) -> None:
    """Have something done in the engine's event loop, once, as soon as the engine answers."""
    _waiting.append(act)


def install() -> None:
    """Adapt the engine's beginning and its end."""
    gc.set_threshold(*_COLLECT_AFTER)
    private(_APP, "_wait_for_port")
    private(_APP, "_resolve_port")
    wrap(_APP, "_run_ready_scripts", _after_the_others)
    wrap("ministack.services.lambda_svc", "_poll_loop", _once_it_answers)
    wrap(_APP, "_handle_lifespan", _leaving_at_once)


def _after_the_others(run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    @functools.wraps(run)
    async def running() -> None:
        await private(_APP, "_wait_for_port")(int(private(_APP, "_resolve_port")()))
        _answers.set()
        while _waiting:
            _waiting.pop(0)()
        await run()

    return running


def _once_it_answers(poll: Callable[[], None]) -> Callable[[], None]:
    @functools.wraps(poll)
    def polling() -> None:
        _answers.wait()
        poll()

    return polling


def _leaving_at_once(handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(handle)
    async def handling(*arguments: Any) -> None:  # noqa: ANN401
        await handle(*arguments)  # to the end of the engine's life
        sys.stdout.flush()
        os._exit(0)

    return handling
