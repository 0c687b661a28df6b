"""What there is to know of MiniStack, the emulator: its settings, its port, its answer."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import sys
from typing import TYPE_CHECKING

from provisioner.local import containers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.local.home import EngineState, Home

HOST = "127.0.0.1"
REGION = "us-east-1"
_ANSWER_SECONDS = 20.0  # one that is busy is not gone


def answers(port: int | None) -> bool:
    """Tell whether an engine answers on the port."""
    if port is None:
        return False
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def settings(home: Home, state: EngineState) -> Mapping[str, str]:
    """Return MiniStack's settings; nothing of the caller's AWS or Python settings reaches it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTHON", "DOCKER_"))
    }
    host = state.container_host
    version = containers.api_version(host) if host else None
    if version:
        inherited["DOCKER_API_VERSION"] = version
    none = f"unix://{home.folder / 'no-container-engine.sock'}"
    return inherited | {
        "GATEWAY_PORT": str(state.port),
        "BIND_HOST": HOST,  # all interfaces without it
        "MINISTACK_REGION": REGION,
        "MINISTACK_HOSTNAME": _name(home),  # labels our containers
        "AUTH": str(state.auth).lower(),
        "DOCKER_HOST": host or none,
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(home.folder / "tmp"),
        "PROVISIONER_PYTHON": sys.executable,  # packs the image of builds
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home.data / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home.data / "s3"),
    }


def _name(home: Home) -> str:
    return "provisioner-" + hashlib.sha256(str(home.folder).encode()).hexdigest()[:12]


def instance(home: Home, port: int | None) -> str:
    """Return the label that the engine gives its containers."""
    return f"{_name(home)}:{port}"


def is_free(port: int) -> bool:
    """Tell whether nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
