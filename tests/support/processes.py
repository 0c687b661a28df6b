"""The engine's processes: itself, and the workers that its Lambda functions run in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.support.waiting import wait_until

_WORKER = "ministack-lambda-jobs_"
"""In the folder that the engine runs a function of ours in."""

_FORK_SERVER = "fork_server.py"
"""What most of them are forked from (provisioner/local/shim/forks.py)."""


def engine_pid(state: Path) -> int:
    """Return the process of the engine in a state folder."""
    document = json.loads((state / "engine.json").read_text(encoding="utf-8"))
    return document["processes"]["engine"]["pid"]


def kill_workers(state: Path) -> int:
    """Kill all workers of the provisioner's own functions; return how many there were."""
    table = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    engine = engine_pid(state)
    rows = [line.split(maxsplit=2) for line in table.splitlines()]
    processes = [(int(pid), int(parent), command) for pid, parent, command in rows]
    servers = {
        pid for pid, parent, command in processes if parent == engine and _FORK_SERVER in command
    }
    workers = [
        pid
        for pid, parent, command in processes
        if parent in servers or (parent == engine and _WORKER in command and pid not in servers)
    ]
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(workers)


def kill_engine(state: Path, how: signal.Signals) -> None:
    """Send the engine and its workers a signal, and wait for the engine's end."""
    engine = engine_pid(state)
    os.killpg(engine, how)
    wait_until(lambda: not _lives(engine), f"the end of process {engine}")


def _lives(pid: int) -> bool:
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() not in {"", "Z", "Zs", "Zl", "Zsl"}


def wait_until_saved(state: Path) -> None:
    """Wait until the engine has written down the state that it is in now."""
    file = state / "data" / "state" / "everything.json"
    before = file.stat().st_mtime_ns
    # It takes a fiftieth of its time to save: minutes pass when much is running.
    wait_until(
        lambda: file.stat().st_mtime_ns != before,
        "the engine's state on disk",
        timeout_seconds=600,
    )
