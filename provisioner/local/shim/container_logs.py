"""What a container prints reaches its log group line by line, all of it.

The engine cuts a line where a piece of the stream happens to end, and loses what was not read yet
when the container is removed, or when the container engine stops following early.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_ECS = "ministack.services.ecs"
_READ_SECONDS = 30.0

_log = logging.getLogger("ecs")
_readers: dict[str, threading.Thread] = {}


def install() -> None:
    """Adapt how containers are read, and when they are removed."""
    for name in ("_ensure_awslogs_stream", "request_scope"):
        private(_ECS, name)
    wrap(_ECS, "_forward_awslogs", lambda _original: _forward)
    wrap(_ECS, "_remove_docker_container", _when_read)


def batches(pieces: Iterable[bytes]) -> Iterator[list[str]]:
    r"""Yield the lines of a stream that comes in pieces, as they are whole.

    >>> list(batches([b"one\ntw", b"o\n\nthree"]))
    [['one'], ['two', ''], ['three']]
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if whole:
            yield [_text(line) for line in whole]
    if rest:
        yield [_text(rest)]


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="replace")


def _forward(container: Any, config: dict[str, Any], account: str, region: str) -> None:  # noqa: ANN401
    _readers[container.id] = threading.current_thread()
    try:
        with private(_ECS, "request_scope")(account, region):
            if private(_ECS, "_ensure_awslogs_stream")(config):
                _copy(container, config)
    finally:
        _readers.pop(container.id, None)


def _copy(container: Any, config: dict[str, Any]) -> None:  # noqa: ANN401
    """Follow the container to its end, then read again what following has missed."""
    written = 0
    try:
        for batch in batches(container.logs(stream=True, follow=True, stdout=True, stderr=True)):
            _put(config, batch)
            written += len(batch)
    except Exception:  # noqa: BLE001 - errors of the Docker client have no class in common
        _log.exception("following a container ended early")
    everything = [
        line for batch in batches([container.logs(stdout=True, stderr=True)]) for line in batch
    ]
    if left := everything[written:]:
        _put(config, left)


def _put(config: dict[str, Any], messages: list[str]) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    private("ministack.services.cloudwatch_logs", "_put_log_events")(
        {
            "logGroupName": config["group"],
            "logStreamName": config["stream"],
            "logEvents": events,
        }
    )


def _when_read(remove: Callable[..., None]) -> Callable[..., None]:
    """Remove a container when it has stopped and been read."""

    @functools.wraps(remove)
    def removing(client: Any, container: Any) -> None:  # noqa: ANN401
        identifier = container if isinstance(container, str) else getattr(container, "id", "")
        if client is not None and (reader := _readers.get(identifier)):
            client.containers.get(identifier).stop(timeout=5)
            reader.join(_READ_SECONDS)
        remove(client, container)

    return removing
