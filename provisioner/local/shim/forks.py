"""The provisioner's own functions start by a fork.

Lambda keeps execution environments warm, and starts each in a sandbox of its own. Here each is a
process, and every one of them would import botocore, pydantic and what the functions share again: a
second of CPU, many times whenever jobs come in a burst. So one process has imported it, and the
others are forked from it (`fork_server`). It has read what botocore makes clients from, too. The
handler's own module is imported in each.

Linux only, and not for a function that sets up its interpreter (`PYTHON…`) or has layers.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SHARED = (
    "botocore.session",
    "pydantic",
    "aws_lambda_powertools",
    "provisioner.jobs",
    "provisioner.stacks.reconcile",
    "provisioner.aws.stacks_table",
    "provisioner.aws.cloudformation",
    "templates",
)
"""What most functions import, and nothing that looks at the environment when it is imported."""

_PROGRAM = Path(__file__).with_name("fork_server.py")
_MARK = Path("provisioner", "entrypoints")
_ANSWER_BYTES = 32


class Process:
    """A forked process, as far as the engine uses one of `subprocess`."""

    def __init__(self, pid: int, stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:  # it has ended already
            self._handle = -1

    def poll(self) -> int | None:
        """Return None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises
        ------
        TimeoutExpired
            It runs on.
        """
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(str(_PROGRAM), timeout or 0.0)
        return 0

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)

    def _ended(self, timeout: float | None) -> int | None:
        if self._handle < 0:
            return 0
        looking = select.poll()
        looking.register(self._handle, select.POLLIN)
        return 0 if looking.poll(None if timeout is None else timeout * 1000) else None

    def __del__(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)


class Server:
    """The process that the processes of one code are forked from."""

    def __init__(self, code: Path, environ: Mapping[str, str]) -> None:
        self.code = code
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(_PROGRAM), str(code), *SHARED],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environ),
            )

    def start(self, script: str, folder: str, environ: Mapping[str, str]) -> Process:
        """Fork a process that runs a script.

        Raises
        ------
        OSError
            There is no server left.
        """
        request = json.dumps({"script": script, "folder": folder, "environ": dict(environ)})
        pipes = [os.pipe() for _ in range(3)]
        theirs, ours = zip(pipes[0], *(pipe[::-1] for pipe in pipes[1:]), strict=True)
        try:
            socket.send_fds(self._socket, [request.encode()], list(theirs))
            process = int(self._socket.recv(_ANSWER_BYTES) or -1)
        except OSError:
            process = -1
        _close(theirs)
        if process < 0:
            _close(ours)
            message = "the fork server has ended"
            raise ConnectionError(message)
        stdin = os.fdopen(ours[0], "w", buffering=1)
        return Process(process, stdin, *map(os.fdopen, ours[1:]))

    def end(self) -> None:
        """End it; what it has forked runs on."""
        self._process.kill()
        self._process.wait()

    def __del__(self) -> None:
        self._socket.close()


def _close(files: Iterable[int]) -> None:
    for file in files:
        os.close(file)


_lock = threading.Lock()
_servers: list[Server] = []
"""That of the newest code."""


def forked(command: Sequence[str], options: Mapping[str, Any]) -> Process | None:
    """Return a forked process for a command of the engine, None where it has to be started."""
    environ: dict[str, str] = options.get("env") or {}
    code = Path(options.get("cwd") or "/").resolve()
    if not (
        hasattr(os, "pidfd_open")
        and len(command) == 2
        and command[0] == sys.executable
        and (code / _MARK).is_dir()
        and not environ.get("_LAMBDA_LAYERS_DIRS")
        and not any(name.startswith("PYTHON") for name in environ)
    ):
        return None
    with _lock:
        try:
            return _server(code).start(command[1], options["cwd"], environ)
        except OSError:
            end()
            return None


def end() -> None:
    """End the server, if there is one."""
    while _servers:
        _servers.pop().end()


def _server(code: Path) -> Server:
    if not _servers or _servers[0].code != code:
        end()
        _servers.append(Server(code, os.environ))
    return _servers[0]
