"""What a container prints reaches its log group line by line, all of it.

The engine cuts a line where a piece of the stream happens to end, and loses what was not read yet
when the container is removed, or when the container engine stops following early.
"""

from __future__ import annotations

import functools
import logging
import os
import select
import threading
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ECS = "ministack.services.ecs"
_READ_SECONDS = 30.0
_LOOK_SECONDS = 1.0
_UNSEEN_SECONDS = 0.25
"""Between two looks at a container whose process cannot be seen from here."""
_ENDED = frozenset({"exited", "dead", "stopped", "removing"})

_log = logging.getLogger("ecs")
_readers: dict[str, threading.Thread] = {}


def install() -> None:
    """Adapt how containers are read, and when they are removed."""
    for name in ("_ensure_awslogs_stream", "request_scope"):
        private(_ECS, name)
    wrap(_ECS, "_forward_awslogs", lambda _original: forward)
    wrap(_ECS, "_remove_docker_container", _when_read)


def lines(text: bytes, *, ended: bool) -> list[str]:
    r"""Return what was printed line by line; of a container that has not ended, whole lines only.

    >>> lines(b"one\ntw", ended=False), lines(b"one\ntw", ended=True)
    (['one'], ['one', 'tw'])
    """
    *whole, rest = text.split(b"\n")
    return [_text(line) for line in ([*whole, rest] if ended and rest else whole)]


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="replace")


def forward(container: Any, config: dict[str, Any], account: str, region: str) -> None:  # noqa: ANN401
    """Copy what a container prints to a log group, until it has ended."""
    _readers[container.id] = threading.current_thread()
    try:
        with private(_ECS, "request_scope")(account, region):
            if private(_ECS, "_ensure_awslogs_stream")(config):
                _copy(container, config)
    except Exception:  # noqa: BLE001 - errors of the Docker client have no class in common
        _log.exception("reading a container ended early")
    finally:
        _readers.pop(container.id, None)


def _copy(container: Any, config: dict[str, Any]) -> None:  # noqa: ANN401
    for left in follow(container):
        put(config, left)


def follow(container: Any) -> Iterator[list[str]]:  # noqa: ANN401
    """Read a container again and again to its end; Docker's own following loses what comes fast."""
    written = 0
    while True:
        container.reload()
        ended = container.status in _ENDED  # asked first: what comes after is read next time
        if left := lines(container.logs(stdout=True, stderr=True), ended=ended)[written:]:
            yield left
            written += len(left)
        if ended:
            return
        await_end(container, _LOOK_SECONDS)


def put(config: dict[str, Any], messages: list[str]) -> None:
    """Write lines to the group and stream of a log configuration, which are there."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    private("ministack.services.cloudwatch_logs", "_put_log_events")(
        {
            "logGroupName": config["group"],
            "logStreamName": config["stream"],
            "logEvents": events,
        }
    )


def exit_code(container: Any) -> int:  # noqa: ANN401
    """Wait for a container's end; return its exit code.

    Podman answers a wait of Docker's API by looking as fast as it can, so we look ourselves.
    """
    while True:
        container.reload()
        if container.status in _ENDED:
            return int(container.attrs["State"]["ExitCode"])
        await_end(container, 2 * _LOOK_SECONDS)


def await_end(container: Any, seconds: float) -> None:  # noqa: ANN401
    """Wait for the end of a container's process, at most so long: each look costs the engine."""
    try:
        handle = os.pidfd_open(container.attrs["State"]["Pid"])
    except (AttributeError, KeyError, OSError):  # it has ended, or runs in a virtual machine
        time.sleep(min(seconds, _UNSEEN_SECONDS))
        return
    try:
        ending = select.poll()
        ending.register(handle, select.POLLIN)
        ending.poll(seconds * 1000)
    finally:
        os.close(handle)


def read(container: Any) -> None:  # noqa: ANN401
    """Wait until all that a container has printed is copied."""
    if reader := _readers.get(container.id):
        reader.join(_READ_SECONDS)


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
