"""What a machine's AMI brings along: `docker` and `shutdown`, done by the engine.

The machine's own are scripts that ask here. A container is one of this machine's container engine,
on the host's network, with the metadata of its machine; what it prints goes to the log group that
`awslogs` names.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import container_logs, tasks
from provisioner.local.shim.machine_metadata import PROGRAM
from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SCRIPT = """#!{python}
import json, os, sys, urllib.request
given = {{"arguments": sys.argv[1:], "environment": dict(os.environ)}}
request = urllib.request.Request("{url}{path}{name}", json.dumps(given).encode())
done = json.load(urllib.request.urlopen(request))
sys.stdout.write(done.get("stdout", ""))
sys.exit(done.get("error"))
"""
_OPTIONS = frozenset(
    {"--name", "--network", "--log-driver", "--log-opt", "--env", "--gpus", "--time"}
)


class Programs:
    """The programs of one machine, and its container."""

    def __init__(self, machine: str, end: Callable[[float], None]) -> None:
        self._machine = machine
        self._end = end
        self._metadata = ""
        self._container: Any = None
        self._scope = (
            private("ministack.core.responses", "get_account_id")(),
            private("ministack.core.responses", "get_region")(),
        )

    def place(self, folder: Path, url: str) -> None:
        """Put the scripts where the machine's PATH begins; they ask at the address of `answer`."""
        self._metadata = url
        for name in ("docker", "shutdown", "systemctl"):
            script = folder / name
            script.write_text(
                _SCRIPT.format(python=sys.executable, url=url, path=PROGRAM, name=name), "utf-8"
            )
            script.chmod(0o700)

    def answer(self, program: str, given: dict[str, Any]) -> dict[str, Any]:
        """Do what a program was called for; an error is what it says when it fails."""
        arguments: list[str] = given["arguments"]
        if program == "shutdown":
            self._end(60 * int(arguments[-1].removeprefix("+")) if arguments[-1] != "now" else 0)
            return {}
        if program != "docker":
            return {}
        acts = {
            "login": self._login,
            "pull": self._pull,
            "run": self._run,
            "stop": self._stop,
            "wait": self._wait,
        }
        try:
            return acts[arguments[0]](arguments[1:], given["environment"])
        except Exception as error:  # noqa: BLE001 - errors of the Docker client have no class in common
            return {"error": str(error)}

    def remove_container(self) -> None:
        """Remove what the machine has started, with all that it printed read."""
        if self._container is not None:
            private("ministack.services.ecs", "_remove_docker_container")(
                self._client(), self._container
            )

    def _client(self) -> Any:  # noqa: ANN401
        client = private("ministack.services.ecs", "_get_docker")()
        if client is None:
            message = "no Docker or Podman answers on this machine, so containers cannot run here"
            raise RuntimeError(message)
        return client

    def _login(self, _arguments: list[str], _environment: dict[str, str]) -> dict[str, Any]:
        return {}

    def _pull(self, arguments: list[str], _environment: dict[str, str]) -> dict[str, Any]:
        image = tasks.pullable(arguments[-1])
        try:
            self._client().images.get(image)
        except Exception:  # noqa: BLE001 - as above: then it is not here yet
            self._client().images.pull(image)
        return {}

    def _run(self, arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
        options, (image, *command) = parsed(arguments)
        variables = [
            each if "=" in each else f"{each}={environment[each]}" for each in options["--env"]
        ]
        own = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self._metadata,
            # SDKs give up after a second, which a busy machine can take.
            "AWS_METADATA_SERVICE_TIMEOUT": "10",
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3",
        }
        reaper = private("ministack.core", "container_reaper")
        self._container = self._client().containers.run(
            tasks.pullable(image),
            command or None,
            detach=True,
            name=f"ec2-{self._machine}",
            network_mode="host",
            environment=[*variables, *(f"{name}={value}" for name, value in own.items())],
            labels=reaper.own_labels("ec2"),
        )
        logs = dict(each.split("=", 1) for each in options["--log-opt"])
        config = {
            "group": logs["awslogs-group"],
            "stream": logs["awslogs-stream"],
            "create_group": False,
        }
        threading.Thread(
            target=container_logs.forward,
            args=(self._container, config, *self._scope),
            daemon=True,
        ).start()
        return {"stdout": self._container.id}

    def _wait(self, _arguments: list[str], _environment: dict[str, str]) -> dict[str, Any]:
        code = container_logs.exit_code(self._container)
        container_logs.read(self._container)
        return {"stdout": str(code)}

    def _stop(self, _arguments: list[str], _environment: dict[str, str]) -> dict[str, Any]:
        if self._container is not None:
            self._container.stop(timeout=5)
        return {}


def parsed(arguments: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the options of a command line, each with its values, and the words after them.

    >>> parsed(["--detach", "--env", "A", "--env", "B=1", "busybox", "sh", "-c", "x"])[1]
    ['busybox', 'sh', '-c', 'x']
    """
    options: dict[str, list[str]] = {name: [] for name in _OPTIONS}
    left = list(arguments)
    while left and left[0].startswith("--"):
        name = left.pop(0)
        if name in _OPTIONS:
            options[name].append(left.pop(0))
    return options, left
