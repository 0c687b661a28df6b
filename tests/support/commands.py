"""The command `provisioner` on an engine, in this process: to start another takes a second of CPU.

The README's job (tests/local/test_readme.py) starts the program as a user does. So do tests that
run beside each other (tests/support/together.py): the process has one output, which pytest takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from typer.testing import CliRunner

from provisioner.aws.clients import Clients
from provisioner.cli.commands import app
from provisioner.cli.session import using


@dataclass(frozen=True)
class Done:
    """A command that has ended; `output` is all that it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


class Commands:
    """The command with the credentials and the clients of one engine."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._clients = Clients()

    def run(self, *arguments: str) -> Done:
        if threading.current_thread() is not threading.main_thread():
            return self._started(arguments)
        with using(self._clients):
            done = CliRunner().invoke(app, list(arguments), env=dict(self._environment))
        return Done(done.exit_code, done.stdout, done.stderr)

    def _started(self, arguments: tuple[str, ...]) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", "from provisioner.cli.main import main; main()", *arguments],
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)
