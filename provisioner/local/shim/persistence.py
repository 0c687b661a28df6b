"""What AWS has once taken outlives any crash.

The engine writes its state only when it is asked to stop, a file a service. Here all of it is
written into one file every few seconds, whole or not at all: whatever kills the engine, it starts
from a state in which all services agree, and that is seconds old at most. Large contents, layers of
images above all, are written once, each into a file that its digest names.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.contents import LARGE_BYTES, Contents, Digests
from provisioner.local.shim.patching import private, wrap
from provisioner.local.shim.serving import when_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    States = Mapping[str, Callable[[], Any]]

_APP = "ministack.app"
_PERSISTENCE = "ministack.core.persistence"
_LAMBDA = "ministack.services.lambda_svc"
_EVERY_SECONDS = 2.0
_SHARE_OF_TIME = 0.02
_TRIES = 5
_LARGE = "__content__"

_log = logging.getLogger("persistence")
_tasks: list[asyncio.Task[None]] = []


def install() -> None:
    """Save again and again, into one file."""
    private(_APP, "_build_persistence_save_dict")
    private(_PERSISTENCE, "_json_default")
    wrap(_APP, "save_all", lambda _save_all: _save)
    wrap(_APP, "load_state", lambda _load_state: _load)
    wrap(_LAMBDA, "_prune_orphan_code_blobs", _at_first_only)
    wrap(_LAMBDA, "_write_code_blob", _if_missing)
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


_digests = Digests()


def _save(states: States) -> None:
    text = _written(states)
    draft = _file().with_suffix(".new")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(text, encoding="utf-8")
    draft.replace(_file())


def _written(states: States) -> str:
    for tries_left in reversed(range(_TRIES)):
        _digests.begin()
        try:
            return json.dumps(
                {name: get_state() for name, get_state in states.items()}, default=_as_json
            )
        except RuntimeError:  # a thread changed what was being written
            if not tries_left:
                raise
    raise AssertionError


def _as_json(value: object) -> object:
    """Return as JSON what is not."""
    if not isinstance(value, bytes) or len(value) < LARGE_BYTES:
        return private(_PERSISTENCE, "_json_default")(value)
    digest = _digests.of(value)
    _contents().put(digest, value)
    return {_LARGE: digest}


def _if_missing(write: Callable[[bytes], str]) -> Callable[[bytes], str]:
    """Write a function's code once; the engine reads all of it each time to find its file."""

    @functools.wraps(write)
    def writing(code: bytes) -> str:
        digest = _digests.of(code)
        is_there = Path(private(_LAMBDA, "CODE_BLOB_DIR"), f"{digest}.zip").exists()
        return digest if is_there else write(code)

    return writing


@functools.cache
def _loaded() -> dict[str, Any]:
    if not _file().exists():
        return {}
    loaded: dict[str, Any] = json.loads(_file().read_text("utf-8"), object_hook=_understood)
    _contents().remove_unread()
    return loaded


def _understood(value: dict[str, Any]) -> object:
    content = _contents().get(value[_LARGE]) if value.keys() == {_LARGE} else None
    return private(_PERSISTENCE, "_json_object_hook")(value) if content is None else content


def _load(service: str) -> Any:  # noqa: ANN401
    return _loaded().pop(service, None)


def _file() -> Path:
    return Path(private(_PERSISTENCE, "STATE_DIR")) / "everything.json"


@functools.cache
def _contents() -> Contents:
    return Contents(_file().with_name("contents"))


def _at_first_only(prune: Callable[[set[str]], None]) -> Callable[[set[str]], None]:
    """Keep the code that the saved state still names, should it be needed again."""
    left = [prune]

    @functools.wraps(prune)
    def pruning(referenced: set[str]) -> None:
        if left:
            left.pop()(referenced)

    return pruning
