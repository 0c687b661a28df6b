"""The command `provisioner` on an engine, in this process: to start another takes a second of CPU.

The README's job (tests/local/test_readme.py) starts the program as a user does.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from typer.testing import CliRunner, Result

from provisioner.aws.clients import Clients
from provisioner.cli.commands import app
from provisioner.cli.session import using

_ONE = threading.Lock()
"""A command has the process's output and environment for itself."""


class Commands:
    """The command with the credentials and the clients of one engine."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._clients = Clients()

    def run(self, *arguments: str) -> Result:
        with _ONE, using(self._clients):
            return CliRunner().invoke(app, list(arguments), env=dict(self._environment))
