"""Put the bootstrap onto the engine: `sam build` and `sam deploy`, as for AWS.

Skipped when nothing that goes into it changed since the last time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.local.errors import LocalError, with_log_tail
from provisioner.local.home import one_at_a_time, save
from provisioner.local.install import installed, uv
from provisioner.local.package import pack
from provisioner.local.parameters import known, quoted
from provisioner.local.progress import Say, silent
from provisioner.local.stack import (
    DEFAULT_STACK,
    GOOD,
    UPDATABLE,
    settled_status,
    why_it_failed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from provisioner.local.engine import Engine

_LOG = "deploy"
_CONNECTION = "00000000-0000-0000-0000-000000000000"
"""By which rows of an engine name Git repositories: it stands for this machine's git."""


# What `sam build` reads; the CLI, this package and the examples are not shipped.
_SOURCES = ("template.yaml", "samconfig.toml", "requirements-lambda.lock", "bootstrap")
_PACKAGES = ("provisioner", "templates")
_NOT_SHIPPED = ("provisioner/cli", "provisioner/local", "bootstrap/examples")
# FunctionRuntime's allowed values (template.yaml); the engine runs functions on its own Python
# whatever they say.
_NEWEST_RUNTIME = 14


def deploy(
    engine: Engine,
    stack_name: str = DEFAULT_STACK,
    *,
    parameters: Mapping[str, str] | None = None,
    say: Say = silent,
) -> bool:
    """Build and deploy the bootstrap if need be.

    Parameters
    ----------
    engine
        A running engine.
    stack_name
        The bootstrap stack's name.
    parameters
        Parameters of template.yaml other than those that the engine needs. Those of the last
        time are kept, as AWS keeps them.
    say
        Called with each step.

    Returns
    -------
    bool
        Whether anything had to be done.

    Raises
    ------
    LocalError
        There is no such parameter, or the build or the deployment failed; with the reason.
    """
    checkout = engine.home.checkout
    kept = dict(engine.state.parameters) | known(checkout, parameters or {})
    digest = sources_digest(checkout)
    overrides = _overrides() | kept
    made_from = repr((digest, stack_name, sorted(overrides.items())))
    wanted = hashlib.sha256(made_from.encode()).hexdigest()
    status = settled_status(engine, stack_name)
    if status in UPDATABLE and engine.state.deployed == wanted:
        return False
    if status is None:
        save(engine.home, replace(engine.state, deployed=None))
    template = _build(engine, digest, say)
    say(f"deploying the bootstrap as stack {stack_name} with the SAM CLI")
    _deploy(engine, stack_name, template, overrides)
    save(engine.home, replace(engine.state, deployed=wanted, parameters=kept))
    say(f"stack {stack_name} is deployed")
    return True


def _deploy(engine: Engine, stack_name: str, template: Path, overrides: Mapping[str, str]) -> None:
    """Run `sam deploy`, and believe the stack rather than its exit code."""
    options = {
        "--config-file": str(engine.home.checkout / "samconfig.toml"),
        "--config-env": "local",
        "--template-file": str(template),
        "--stack-name": stack_name,
    }
    words = [word for option in options.items() for word in option]
    pairs = [quoted(name, value) for name, value in overrides.items()]
    ended_well = _sam(engine, ["deploy", *words, "--parameter-overrides", *pairs])
    status = settled_status(engine, stack_name)
    if ended_well and status in GOOD:
        return
    if status is None or status in GOOD:
        raise _failed(engine, "deploy")
    message = f"stack {stack_name} is {status}. {why_it_failed(engine, stack_name)}"
    if status in UPDATABLE:
        message += "\nWhat was deployed before is still there."
    else:
        message += '\n"provisioner local up --fresh" starts again with empty tables.'
    raise LocalError(message)


def sources_digest(checkout: Path) -> str:
    """Return a digest of everything that a deployment is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_source_files(checkout)):
        digest.update(f"{path.relative_to(checkout)}\0{path.stat().st_mode:o}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _source_files(checkout: Path) -> Iterator[Path]:
    excluded = tuple(checkout / name for name in _NOT_SHIPPED)
    for name in (*_SOURCES, *_PACKAGES):
        root = checkout / name
        for path in [root] if root.is_file() else root.rglob("*"):
            skipped = "__pycache__" in path.parts or any(path.is_relative_to(e) for e in excluded)
            if path.is_file() and not skipped:
                yield path


def _build(engine: Engine, digest: str, say: Say) -> Path:
    """Return the built template; what was built from the same sources is used again."""
    home = engine.home
    folder = home.shared / "build"
    target = folder / digest[:16]
    with one_at_a_time(folder):
        if not (target / ".ready").exists():
            say("building the functions with the SAM CLI")
            for old in folder.iterdir():
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            template = str(home.checkout / "template.yaml")
            if not _sam(engine, ["build", "--template-file", template, "--build-dir", str(target)]):
                raise _failed(engine, "build")
            pack(target)
            (target / ".ready").touch()
    return target / "template.yaml"


def _overrides() -> dict[str, str]:
    """Return the parameters that an engine on this machine needs."""
    return {
        "FunctionRuntime": f"python3.{min(sys.version_info.minor, _NEWEST_RUNTIME)}",
        "FunctionArchitecture": "arm64" if _machine() == "aarch64" else "x86_64",
        "AllowedImageRepositories": "*",  # whatever the machine's own Docker can pull
        "Api": "iam",
        "Console": "loopback",
        "Builds": "all",  # they run on this machine's processor, whatever a row says
        "GitConnections": _CONNECTION,
        "AllowedGitRepositories": "*",  # whatever the machine's own git can read
        "BatchMaxVcpus": "2",  # as much as a small machine bears; further jobs wait
    }


def _machine() -> str:
    machine = platform.machine()
    return "aarch64" if machine in {"arm64", "aarch64"} else machine


def _sam(engine: Engine, arguments: Sequence[str]) -> bool:
    """Run the SAM CLI; return whether it succeeded."""
    home = engine.home
    log = home.log(_LOG)
    system = "apple-darwin" if platform.system() == "Darwin" else "manylinux2014"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAM_"))}
    environ = (
        inherited
        | engine.environ()
        | {
            # Packages for the Python that runs the functions here: the engine's, which is ours.
            "PYTHON_VERSION": f"{sys.version_info.major}.{sys.version_info.minor}",
            "PYTHON_PLATFORM": f"{_machine()}-{system}",
            "PATH": os.pathsep.join([str(uv().parent), os.environ.get("PATH", os.defpath)]),
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.5",  # seconds; it looks every five by default
            "__SAM_CLI_APP_DIR": str(home.shared / "sam"),
        }
    )
    # It leaves a folder behind for each archive that it has uploaded.
    with log.open("ab") as output, tempfile.TemporaryDirectory(prefix="sam-") as temporary:
        result = subprocess.run(
            [installed(home).sam, *arguments],
            env=environ | {"TMPDIR": temporary},
            cwd=home.checkout,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return result.returncode == 0


def _failed(engine: Engine, command: str) -> LocalError:
    return with_log_tail(f'"sam {command}" failed', engine.home.log(_LOG))
