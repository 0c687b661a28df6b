"""What AWS has once taken outlives any crash.

The engine writes its state only when it is asked to stop, a file a service. Here all of it is
written into one file every few seconds, whole or not at all: whatever kills the engine, it goes on
from a state in which all services agree, and that is seconds old at most.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap
from provisioner.local.shim.serving import when_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    States = Mapping[str, Callable[[], Any]]

_APP = "ministack.app"
_PERSISTENCE = "ministack.core.persistence"
_LAMBDA = "ministack.services.lambda_svc"
_EVERY_SECONDS = 2.0
_SHARE_OF_TIME = 0.05
_TRIES = 5

_log = logging.getLogger("persistence")
_tasks: list[asyncio.Task[None]] = []


def install() -> None:
    """Save again and again, into one file."""
    private(_APP, "_build_persistence_save_dict")
    private(_PERSISTENCE, "_json_default")
    wrap(_APP, "save_all", lambda _save_all: _save)
    wrap(_APP, "load_state", lambda _load_state: _load)
    wrap(_LAMBDA, "_prune_orphan_code_blobs", _at_first_only)
    when_serving(lambda: _tasks.append(asyncio.get_running_loop().create_task(_save_for_ever())))


async def _save_for_ever() -> None:
    while True:
        began = time.monotonic()
        try:
            _save(private(_APP, "_build_persistence_save_dict")())
        except RuntimeError:
            _log.exception("the state could not be saved; the one before is kept")
        took = time.monotonic() - began
        await asyncio.sleep(max(_EVERY_SECONDS, took / _SHARE_OF_TIME))


def _save(states: States) -> None:
    text = _written(states)
    draft = _file().with_suffix(".new")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(text, encoding="utf-8")
    draft.replace(_file())


def _written(states: States) -> str:
    for tries_left in reversed(range(_TRIES)):
        try:
            return json.dumps(
                {name: get_state() for name, get_state in states.items()},
                default=private(_PERSISTENCE, "_json_default"),
            )
        except RuntimeError:  # a thread changed what was being written
            if not tries_left:
                raise
    raise AssertionError


@functools.cache
def _loaded() -> dict[str, Any]:
    hook = private(_PERSISTENCE, "_json_object_hook")
    if not _file().exists():
        return {}
    loaded: dict[str, Any] = json.loads(_file().read_text(encoding="utf-8"), object_hook=hook)
    return loaded


def _load(service: str) -> Any:  # noqa: ANN401
    return _loaded().pop(service, None)


def _file() -> Path:
    return Path(private(_PERSISTENCE, "STATE_DIR")) / "everything.json"


def _at_first_only(prune: Callable[[set[str]], None]) -> Callable[[set[str]], None]:
    """Keep the code that the saved state still names, should it be needed again."""
    left = [prune]

    @functools.wraps(prune)
    def pruning(referenced: set[str]) -> None:
        if left:
            left.pop()(referenced)

    return pruning
