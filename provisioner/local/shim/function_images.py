"""Functions whose code is an image: a container that asks Lambda's Runtime API for its work.

On AWS the image's own program is a client of that API, in a container whose root cannot be written
to. The engine looks for a Runtime Interface Emulator in the image, pulls from AWS's registry, and
publishes a port, none of which can be here. It has the Runtime API, though, for programs called
`bootstrap` in archives. So an image becomes such an archive, whose program runs the image
(`image_program`), from the engine's own registry, on the host's network.
"""

from __future__ import annotations

import functools
import io
import json
import re
import shlex
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap
from provisioner.local.shim.tasks import pullable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LAMBDA = "ministack.services.lambda_svc"
_RUNTIME = "ministack.core.lambda_runtime"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_PROGRAM = Path(__file__).with_name("image_program.py")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_ENDED = re.compile(
    r"bootstrap exited during init with code (?P<code>-?\d+)(?:: )?(?P<log>.*)", re.DOTALL
)
_LATE = re.compile(
    r"bootstrap did not reach the Runtime API within (?P<seconds>[\d.]+)s.*", re.DOTALL
)
# What a container prints comes by way of the container engine.
_FIRST_LINE_SECONDS, _QUIET_SECONDS, _AT_MOST_SECONDS = 0.3, 0.1, 1.0

NO_CONTAINERS = (
    "a function of an image runs only where Docker or Podman answers: start Docker, or install "
    'Podman ("apt-get install podman runc"), then "provisioner local down" and "up"'
)


def install() -> None:
    """Adapt the start of such functions, and how their output is read."""
    for name in ("_get_docker_client", "_execute_function_provided_warm"):
        private(_LAMBDA, name)
    wrap(_LAMBDA, "_execute_function_docker", _as_an_archive)
    handlers = private(_PROVISIONERS, "_RESOURCE_HANDLERS")["AWS::Lambda::Function"]
    handlers["delete"] = _with_its_container(handlers["delete"])
    worker = private(_RUNTIME, "ProvidedWorker")
    worker._drain_stderr_bounded = _patiently(worker._drain_stderr_bounded)  # noqa: SLF001


def _as_an_archive(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def executing(func: Mapping[str, Any], event: Any, request_id: str) -> Any:  # noqa: ANN401
        config = func.get("config") or func
        if config.get("PackageType") != "Image":
            return execute(func, event, request_id)
        client = private(_LAMBDA, "_get_docker_client")()
        if client is None:
            return _failed("Runtime.Unavailable", NO_CONTAINERS)
        image = pullable(config["ImageUri"])
        try:
            start = _start(_pulled(client, image).attrs["Config"], config)
        except Exception as error:  # noqa: BLE001 - the Docker client's have no class in common
            return _failed("Runtime.InvalidImage", f"{config['ImageUri']} cannot be run: {error}")
        archive = _archive({"image": image, "labels": _labels(), **start})
        run = private(_LAMBDA, "_execute_function_provided_warm")
        own = {**config, "Runtime": "provided.al2023"}
        return ended(run({**func, "config": own, "code_zip": archive}, event, request_id))

    return executing


def _with_its_container(delete: Callable[..., Any]) -> Callable[..., Any]:
    """Take the container of a function away when its stack deletes the function."""

    @functools.wraps(delete)
    def deleting(name: str, *more: Any) -> Any:  # noqa: ANN401
        deleted = delete(name, *more)
        private(_RUNTIME, "invalidate_worker")(name)
        return deleted

    return deleting


def _pulled(client: Any, image: str) -> Any:  # noqa: ANN401
    """Return an image; it has a digest, so that what is here already is the same."""
    try:
        return client.images.get(image)
    except Exception:  # noqa: BLE001
        client.images.pull(image)
        return client.images.get(image)


def _start(own: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the container starts: each part as the function says, else as the image does."""
    image_config = (config.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    variables = (config.get("Environment") or {}).get("Variables") or {}
    return {
        "entrypoint": image_config.get("EntryPoint") or own.get("Entrypoint") or [],
        "command": image_config.get("Command") or own.get("Cmd") or [],
        "working_dir": image_config.get("WorkingDirectory") or own.get("WorkingDir") or None,
        "variables": sorted(variables),
    }


def _labels() -> dict[str, str]:
    labels: dict[str, str] = private(_LAMBDA, "container_reaper").own_labels("lambda")
    return labels


def _archive(start: Mapping[str, Any]) -> bytes:
    """Return an archive that is the same for the same image and start."""
    command = [sys.executable, str(_PROGRAM), json.dumps(start, sort_keys=True)]
    member = zipfile.ZipInfo("bootstrap", _ZIP_DATE)
    member.external_attr = 0o755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(member, f"#!/bin/sh\nexec {shlex.join(command)}\n")
    return buffer.getvalue()


def _failed(error_type: str, message: str) -> dict[str, Any]:
    return {
        "body": {"errorType": error_type, "errorMessage": message},
        "error": True,
        "log": message,
    }


def ended(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a call came to, what ended or never began under AWS's name for that."""
    body = result.get("body")
    message = body.get("errorMessage") if isinstance(body, dict) and result.get("error") else None
    if not isinstance(message, str):
        return result
    if late := _LATE.fullmatch(message):
        text = f"Task timed out after {float(late['seconds']):.2f} seconds"
        return _failed("Sandbox.Timedout", text)
    found = _ENDED.fullmatch(message)
    if not found:
        return result
    text = f"Error: Runtime exited with error: exit status {found['code']}"
    return _failed("Runtime.ExitError", text) | {"log": found["log"] or text}


def _patiently(drain: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(drain)
    def draining(worker: Any, *waits: float, **more: float) -> str:  # noqa: ANN401
        if worker.config.get("PackageType") != "Image":
            return drain(worker, *waits, **more)
        return drain(worker, _FIRST_LINE_SECONDS, _QUIET_SECONDS, _AT_MOST_SECONDS)

    return draining
