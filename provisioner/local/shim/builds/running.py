"""The container of one build: started, its log copied and read, ended when its time is over."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from provisioner.local.shim import container_logs, tasks
from provisioner.local.shim.builds import records, repositories
from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ECS = "ministack.services.ecs"
_PROGRAM = "/opt/build/run.py"
_SOCKET = "/var/run/docker.sock"
_HOST = "host.docker.internal"
_HANDED_ON = ("PIP_", "UV_", "NPM_CONFIG_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Settings of this machine by which package registries are reached."""

NO_CONTAINERS = (
    "a build runs only where Docker or Podman answers: start Docker, or install Podman "
    '("apt-get install podman runc"), then "provisioner local down" and "up"'
)

_TRIES = 3

_log = logging.getLogger("codebuild")
_one_image = threading.Lock()
_containers: dict[str, Any] = {}


class _CannotStartError(Exception):
    """A build has no container, and why."""


def run(build: dict[str, Any]) -> None:
    """Run a build to its end, and record that."""
    log = {
        "group": build["logs"]["groupName"],
        "stream": build["logs"]["streamName"],
        "create_group": True,
    }
    private(_ECS, "_ensure_awslogs_stream")(log)
    records.begun(build, "PROVISIONING")
    try:
        container = _start(build)
    except Exception as error:  # noqa: BLE001 - errors of the Docker client have no class in common
        _log.debug("a build did not start", exc_info=True)
        container_logs.put(log, [f"[Container] {error}"])
        records.completed(build, "PROVISIONING", "FAILED")
        records.explained(build, "BUILD_CONTAINER_UNABLE_TO_START", str(error))
        records.finish(build, "FAULT")
        return
    records.completed(build, "PROVISIONING", "SUCCEEDED")
    timer = threading.Timer(60 * int(build["timeoutInMinutes"]), _time_out, (build,))
    timer.daemon = True
    timer.start()
    try:
        _follow(build, container, log)
    finally:
        timer.cancel()
        kill(build)


def kill(build: Mapping[str, Any]) -> None:
    """Remove the container of a build."""
    if container := _containers.pop(build["id"], None):
        with contextlib.suppress(Exception):  # it may be gone already
            container.remove(force=True, v=True)


def _time_out(build: dict[str, Any]) -> None:
    records.finish(build, "TIMED_OUT")
    kill(build)


def _follow(build: dict[str, Any], container: Any, log: dict[str, Any]) -> None:  # noqa: ANN401
    try:
        for lines in container_logs.follow(container):
            container_logs.put(log, lines)
            records.read(build, lines)
        code = container_logs.exit_code(container)
    except Exception:  # noqa: BLE001 - as above; its container was removed by a stop
        _log.debug("a build was cut short", exc_info=True)
        code = 1
    records.finish(build, "FAILED" if code else "SUCCEEDED")


def _start(build: dict[str, Any]) -> Any:  # noqa: ANN401
    client = _client()
    on_host = platform.system() == "Linux"
    host = os.environ["DOCKER_HOST"]
    variables = environment(build, reached="127.0.0.1" if on_host else _HOST)
    source = _clone(build, variables)
    volumes = {}
    if (socket := urlsplit(host)).scheme == "unix":
        volumes[socket.path] = {"bind": _SOCKET, "mode": "rw"}
    else:
        variables["DOCKER_HOST"] = host
    variables["BUILD_IMAGE"] = image = _image(client)
    container = client.containers.create(
        image,
        ["python", _PROGRAM, json.dumps(order(build))],
        environment=variables,
        volumes=volumes,
        labels=private("ministack.core", "container_reaper").own_labels("codebuild"),
        **({"network_mode": "host"} if on_host else {}),
    )
    _containers[build["id"]] = container
    if source:
        container.put_archive("/", source)
    container.start()
    if build["buildStatus"] in records.ENDED:
        kill(build)
    return container


def _clone(build: dict[str, Any], variables: dict[str, str]) -> bytes | None:
    """Return the archive of a source in Git; the build says which commit that is."""
    source = build["source"]
    if source["type"] not in repositories.TYPES:
        return None
    try:
        archive, commit = repositories.cloned(source["location"], build["sourceVersion"])
    except repositories.CannotCloneError as error:
        message = f"error while cloning {source['location']}: {error}"
        raise _CannotStartError(message) from error
    build["resolvedSourceVersion"] = variables["CODEBUILD_RESOLVED_SOURCE_VERSION"] = commit
    return archive


def _client() -> Any:  # noqa: ANN401
    """Return the client of the container engine; on a busy machine that may answer late."""
    for _ in range(_TRIES):
        if client := private(_ECS, "_get_docker")():
            return client
        time.sleep(1)
    raise _CannotStartError(NO_CONTAINERS)


def order(build: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the container's program is to do.

    Raises
    ------
    _CannotStartError
        The engine cannot run such a build.
    """
    source = build["source"]
    if source["type"] not in {"S3", "NO_SOURCE", *repositories.TYPES}:
        message = f"the engine takes no source of a build from {source['type']}"
        raise _CannotStartError(message)
    return {
        "location": source.get("location", "") if source["type"] == "S3" else "",
        "version": build["sourceVersion"],
        "buildspec": yaml.safe_load(source.get("buildspec") or "null"),
    }


def environment(build: Mapping[str, Any], reached: str) -> dict[str, str]:
    """Return the container's environment; `reached` is the host by which it reaches the engine.

    Raises
    ------
    _CannotStartError
        A variable's value is kept where the engine does not look.
    """
    region = build["arn"].split(":")[3]
    endpoint = f"http://{reached}:{os.environ['GATEWAY_PORT']}"
    variables = {
        **{
            name: value for name, value in os.environ.items() if name.upper().startswith(_HANDED_ON)
        },
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_LOG_PATH": build["logs"]["streamName"],
        "CODEBUILD_SOURCE_REPO_URL": build["source"].get("location", ""),
        "CODEBUILD_SOURCE_VERSION": build["sourceVersion"],
        "CODEBUILD_RESOLVED_SOURCE_VERSION": build["sourceVersion"],
        "CODEBUILD_START_TIME": str(int(build["startTime"] * 1000)),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "HOME": "/root",
        **_given(build["environment"].get("environmentVariables", ())),
    }
    tasks.offer_credentials(variables, build["serviceRole"])
    return variables


def _given(variables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    for variable in variables:
        if variable.get("type", "PLAINTEXT") != "PLAINTEXT":
            message = (
                f"variable {variable['name']} of the build is of type {variable['type']}, "
                "which the engine does not look up: give its value as PLAINTEXT"
            )
            raise _CannotStartError(message)
    return {variable["name"]: variable["value"] for variable in variables}


def _image(client: Any) -> str:  # noqa: ANN401
    """Return the image of builds, packed by the project's Python if this machine has it not yet."""
    python = os.environ["PROVISIONER_PYTHON"]
    with _one_image:
        name = _packed(python)
        try:
            client.images.get(name)
        except Exception:  # noqa: BLE001 - as above: then it is not here yet
            path = _packed(python, os.environ["TMPDIR"])
            with open(path, "rb") as archive:  # noqa: PTH123
                client.images.load(archive)
            os.unlink(path)  # noqa: PTH108
        return name


def _packed(*command: str) -> str:
    done = subprocess.run(
        [command[0], "-m", "provisioner.local.build_image", *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise _CannotStartError(done.stderr.strip().rpartition("\n")[2])
    return done.stdout.strip()
