"""Run one container of a function, as a program that stands for it (see `function_images`).

Started by path with the container's start as JSON: it prints what the container prints, ends with
its exit code, and takes it away when it is told to end.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LOOPBACK, _HOST = "127.0.0.1", "host.docker.internal"
# What Lambda sets for every function; the rest of this process's environment is the engine's.
_OWN = (
    *("AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_FUNCTION_NAME"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
    "AWS_LAMBDA_LOG_STREAM_NAME",
)


def main(start: dict[str, Any]) -> int:
    """Run the container to its end and return its exit code."""
    docker: Any = importlib.import_module("docker")
    client = docker.from_env(timeout=None, version=os.environ.get("DOCKER_API_VERSION"))
    on_host = platform.system() == "Linux"
    container = client.containers.create(
        start.pop("image"),
        environment=environment(start.pop("variables"), os.environ, on_host=on_host),
        read_only=True,
        stop_signal="SIGKILL",
        tmpfs={"/tmp": ""},  # noqa: S108 - the one folder of a function that it may write to
        **({"network_mode": "host"} if on_host else {}),
        **start,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        output = container.attach(stream=True, stdout=True, stderr=True, logs=True)
        container.start()
        for piece in output:
            os.write(1, piece)
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True, v=True)


def environment(
    variables: Iterable[str], environ: Mapping[str, str], *, on_host: bool
) -> dict[str, str]:
    """Return a container's environment, with addresses that it reaches."""
    found = {name: environ[name] for name in (*_OWN, *variables) if name in environ}
    found["AWS_ENDPOINT_URL"] = f"http://{_LOOPBACK}:{environ['GATEWAY_PORT']}"
    found["LAMBDA_TASK_ROOT"] = "/var/task"
    if not on_host:
        for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL"):
            found[name] = found[name].replace(_LOOPBACK, _HOST)
    return found


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
