"""The engine's clients of the Docker API do not ask for its version: it is known.

Each would ask for `/version`, which takes Podman a second (`provisioner.local.containers`).
"""

from __future__ import annotations

import functools
import os

from provisioner.local.shim.patching import wrap


def install() -> None:
    """Give clients the version, where something runs containers."""
    if version := os.environ.get("DOCKER_API_VERSION"):
        wrap("docker", "from_env", lambda original: functools.partial(original, version=version))
