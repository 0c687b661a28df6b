"""Install the engine and the SAM CLI, each in an environment of its own, out of the project's.

Both pin dependencies that are not ours (MiniStack its own botocore), in the exact versions of
`locks/`. What is there already is reused; a changed lock makes it again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.local.errors import LocalError, with_log_tail
from provisioner.local.home import one_at_a_time

if TYPE_CHECKING:
    from provisioner.local.home import Home
    from provisioner.local.progress import Say

_LOCKS = Path(__file__).with_name("locks")
_SHIM = Path(__file__).with_name("shim")


class Tool(StrEnum):
    """What is installed; the value names its lock."""

    ENGINE = "engine"
    SAM = "sam"


_TITLES = {Tool.ENGINE: "the AWS emulator (MiniStack)", Tool.SAM: "the SAM CLI"}


@dataclass(frozen=True)
class Tools:
    """The installed programs."""

    engine_python: Path
    sam: Path


def ensure(home: Home, say: Say) -> Tools:
    """Install what is missing, side by side; another engine's start waits, and finds it there.

    Raises
    ------
    LocalError
        An installation failed; with the end of its log.
    """
    with one_at_a_time(home.shared / "tools"):
        missing = [tool for tool in Tool if not _is_ready(home, tool)]
        for tool in missing:
            say(f"installing {_TITLES[tool]}")
        with ThreadPoolExecutor(max_workers=len(Tool)) as pool:
            for tool in pool.map(lambda tool: _install(home, tool), missing):
                say(f"installed {_TITLES[tool]}")
    return installed(home)


def installed(home: Home) -> Tools:
    """Return where the programs are, or will be."""
    return Tools(
        engine_python=_environment(home, Tool.ENGINE) / "bin" / "python",
        sam=_environment(home, Tool.SAM) / "bin" / "sam",
    )


def engine_digest(shim: Path = _SHIM) -> str:
    """Return a digest of what the engine's process is made from, ours in it included."""
    digest = hashlib.sha256(_fingerprint(Tool.ENGINE).encode())
    for path in sorted(shim.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def uv() -> Path:
    """Return uv: the one beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        message = 'uv is missing: install this project with its extra "local", as "make local" does'
        raise LocalError(message)
    return Path(found)


def _environment(home: Home, tool: Tool) -> Path:
    return home.shared / "tools" / f"{tool}-{_fingerprint(tool)}"


def _fingerprint(tool: Tool) -> str:
    """Name the environment after what goes into it: the lock and the Python."""
    lock = (_LOCKS / f"{tool}.txt").read_bytes()
    return hashlib.sha256(lock + sys.version.encode()).hexdigest()[:12]


def _is_ready(home: Home, tool: Tool) -> bool:
    return (_environment(home, tool) / ".ready").exists()


def _install(home: Home, tool: Tool) -> Tool:
    environment = _environment(home, tool)
    shutil.rmtree(environment, ignore_errors=True)
    environment.parent.mkdir(parents=True, exist_ok=True)
    python = environment / "bin" / "python"
    lock = _LOCKS / f"{tool}.txt"
    command: list[str | Path] = [uv(), "--no-progress"]
    _run(home, tool, [*command, "venv", "--python", sys.executable, environment])
    install = [*command, "pip", "install", "--python", python, "--require-hashes", "-r", lock]
    _run(home, tool, install)
    (environment / ".ready").touch()
    return tool


def _run(home: Home, tool: Tool, command: list[str | Path]) -> None:
    log = home.log(f"install-{tool}")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        result = subprocess.run(
            [str(word) for word in command],
            env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode:
        raise with_log_tail(f"{_TITLES[tool]} could not be installed", log)
