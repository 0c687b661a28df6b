"""Find what can run containers here: a Docker that answers, else a Podman service of our own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from provisioner.local import processes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

    from provisioner.local.home import Home, ProcessRecord

_DOCKER_SOCKET = Path("/var/run/docker.sock")
_PODMANS = "Libpod-API-Version"
_ANSWER_SECONDS = 20.0
_START_SECONDS = 180.0  # Podman shares its locks with every other on the machine
_SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux, 104 on macOS

# Hosts where user limits may not be raised refuse Podman's own defaults.
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_REGISTRIES_CONF = """\
[[registry]]
location = "127.0.0.1:{port}"
insecure = true
"""


@dataclass(frozen=True)
class ContainerEngine:
    """What runs containers.

    Attributes
    ----------
    host
        Where it answers, as DOCKER_HOST has it.
    process
        The service that we started for it; None when it was there already.
    """

    host: str
    process: ProcessRecord | None = None


def find(home: Home, port: int, environ: Mapping[str, str] = os.environ) -> ContainerEngine | None:
    """Return what can run containers, starting a Podman service if need be.

    Parameters
    ----------
    home
        Whose folder the service's socket, settings and log are in.
    port
        The engine's, whose registry is plain HTTP.
    environ
        DOCKER_HOST is heeded.
    """
    if (host := environ.get("DOCKER_HOST")) and answers(host):
        return ContainerEngine(host)
    host = f"unix://{_DOCKER_SOCKET}"
    # A Podman that poses as Docker would want https of the engine's registry: ours knows better.
    if (headers := _ping(host)) and _PODMANS not in headers:
        return ContainerEngine(host)
    podman = shutil.which("podman")
    return _start_podman(home, Path(podman), port) if podman else None


def how_to_enable() -> str:
    """Return what to say to somebody whose containers cannot run."""
    why, remedy = (
        (f"Podman did not answer within {_START_SECONDS:.0f} seconds", "when the machine is idle")
        if shutil.which("podman")
        else (
            "neither Docker nor Podman answers",
            'after you start Docker, or install Podman ("apt-get install podman runc")',
        )
    )
    return (
        f"Container jobs cannot run here, because {why}; their stacks come up all the same. "
        f'To run them: "provisioner local down" and "up" {remedy}.'
    )


def answers(host: str) -> bool:
    """Tell whether a Docker API answers at `host` (a DOCKER_HOST)."""
    return _ping(host) is not None


def api_version(host: str) -> str | None:
    """Return the version of the Docker API at `host`, None when it does not say.

    A client that is not given one asks for `/version`: then Podman looks through all packages of
    the machine, which takes a second.
    """
    headers = _ping(host)
    return headers.get("API-Version") if headers else None


def remove_left(host: str, instance: str) -> None:
    """Remove containers that an engine left behind; `instance` is the label it gave them."""
    filters = quote(json.dumps({"label": [f"ministack.instance={instance}"]}))
    for container in _call(host, "GET", f"/containers/json?all=1&filters={filters}") or ():
        _call(host, "DELETE", f"/containers/{container['Id']}?force=1&v=1")


def remove_images(host: str, registry: str) -> None:
    """Remove images that were built for or pulled from an engine's registry, which keeps them."""
    for image in _call(host, "GET", "/images/json") or ():
        for name in image.get("RepoTags") or ():
            if name.startswith(f"{registry}/"):
                _call(host, "DELETE", f"/images/{quote(name, safe='')}?force=1")


def _start_podman(home: Home, podman: Path, port: int) -> ContainerEngine | None:
    home.folder.mkdir(parents=True, exist_ok=True)
    settings = _CONTAINERS_CONF
    if not shutil.which("crun"):
        settings += 'runtime = "runc"\n'
    containers_conf = home.folder / "containers.conf"
    containers_conf.write_text(settings, encoding="utf-8")
    registries_conf = home.folder / "registries.conf"
    registries_conf.write_text(_REGISTRIES_CONF.format(port=port), encoding="utf-8")
    address = _socket_path(home)
    address.unlink(missing_ok=True)
    record = processes.start(
        [podman, "system", "service", "--time", "0", f"unix://{address}"],
        env=os.environ
        | {
            "CONTAINERS_CONF": str(containers_conf),
            "CONTAINERS_REGISTRIES_CONF": str(registries_conf),
        },
        log=home.log("podman"),
        cwd=home.folder,
    )
    host = f"unix://{address}"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and processes.is_alive(record):
        if answers(host):
            return ContainerEngine(host, record)
        time.sleep(0.05)
    processes.stop(record)
    return None


def _socket_path(home: Home) -> Path:
    path = home.folder / "podman.sock"
    if len(str(path)) < _SOCKET_PATH_LIMIT:
        return path
    return Path(tempfile.mkdtemp(prefix="provisioner-")) / "podman.sock"


def _ping(host: str) -> Message | None:
    """Return what the Docker API at `host` says of itself, or None when nothing answers."""
    found = _request(host, "GET", "/_ping")
    return found[0] if found else None


def _call(host: str, method: str, path: str) -> Any:  # noqa: ANN401 - whatever JSON it is
    """Return the answer of the Docker API at `host`, or None without a good one."""
    try:
        found = _request(host, method, path)
        return json.loads(found[1]) if found else None
    except ValueError:
        return None


def _request(host: str, method: str, path: str) -> tuple[Message, bytes] | None:
    """Return headers and body of a good answer, or None without one."""
    connection = _connection(host)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        found = response.headers, response.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        return found if response.status == http.client.OK else None
    finally:
        connection.close()


def _connection(host: str) -> http.client.HTTPConnection:
    url = urlsplit(host)
    if url.scheme == "unix":
        return _UnixConnection(url.path)
    return http.client.HTTPConnection(
        url.hostname or "localhost", url.port or 2375, timeout=_ANSWER_SECONDS
    )


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_ANSWER_SECONDS)
        self.sock.connect(self._path)
