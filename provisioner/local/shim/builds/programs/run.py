"""Do a build: take the source, run the phases of the buildspec, and print what CodeBuild prints.

Started by path with the order as JSON (`running.order`). As on AWS the commands of a phase share
one shell, whose variables and folder the next phase has too; a command that fails ends its phase;
after a failed build phase post_build still runs, after any other failure nothing does; `finally`
always runs.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PHASES = ("install", "pre_build", "build", "post_build")
_SOURCE = Path(os.environ.get("BUILD_FOLDER", "/codebuild/output")) / "src"
_SHELLS = frozenset({"sh", "bash"})


class _PhaseError(Exception):
    """A phase has failed: the status code that CodeBuild gives it, and the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(order: dict[str, Any]) -> int:
    """Do the whole build and return its exit code."""
    _SOURCE.mkdir(parents=True, exist_ok=True)
    os.environ.update(CODEBUILD_SRC_DIR=str(_SOURCE), CODEBUILD_BUILD_SUCCEEDING="1")
    if not _phase("DOWNLOAD_SOURCE", lambda: _download(order["location"], order["version"])):
        return 1
    try:
        buildspec = order["buildspec"] or json.loads((_SOURCE / "buildspec.json").read_bytes())
        shell = _prepare(buildspec)
    except (OSError, ValueError) as error:
        _say(f"Phase context status code: YAML_FILE_ERROR Message: {error}")
        return 1
    with tempfile.TemporaryDirectory(prefix="build-") as state:  # it has the build's variables
        return _in_phases(buildspec.get("phases") or {}, shell, Path(state))


def _in_phases(phases: dict[str, Any], shell: str, state: Path) -> int:
    for name in _PHASES:
        commands = phases.get(name) or {}
        if not _phase(name.upper(), lambda given=commands: _run(given, shell, state)):
            os.environ["CODEBUILD_BUILD_SUCCEEDING"] = "0"
            if name != "build" and commands.get("on-failure") != "CONTINUE":
                return 1
    return int(os.environ["CODEBUILD_BUILD_SUCCEEDING"] == "0")


def _prepare(buildspec: dict[str, Any]) -> str:
    """Take over the buildspec's variables, which others come before, and return its shell."""
    environment = buildspec.get("env") or {}
    for name, value in (environment.get("variables") or {}).items():
        os.environ.setdefault(str(name), str(value))
    for kept in ("parameter-store", "secrets-manager"):
        if environment.get(kept):
            message = f"the engine does not look up env.{kept} of a buildspec"
            raise ValueError(message)
    shell: str = environment.get("shell", "sh")
    if shell not in _SHELLS:
        message = f"the engine's image has no shell {shell}: use sh or bash"
        raise ValueError(message)
    return shell


def _phase(name: str, act: Any) -> bool:  # noqa: ANN401
    """Do a phase, and say how it has ended."""
    _say(f"Entering phase {name}")
    try:
        act()
    except _PhaseError as error:
        _say(f"Phase complete: {name} State: FAILED")
        _say(f"Phase context status code: {error.code} Message: {error}")
        return False
    _say(f"Phase complete: {name} State: SUCCEEDED")
    _say("Phase context status code:  Message: ")
    return True


def _say(text: str) -> None:
    now = datetime.now(UTC).strftime("%Y/%m/%d %H:%M:%S.%f")
    print(f"[Container] {now} {text}", flush=True)


def _download(location: str, version: str) -> None:
    if not location:
        return
    import boto3  # noqa: PLC0415 - a build without a source does without it
    from botocore.utils import ContainerMetadataFetcher  # noqa: PLC0415

    ContainerMetadataFetcher.TIMEOUT_SECONDS = 20  # two are too little on a busy machine
    bucket, _, key = location.partition("/")
    more = {"VersionId": version} if version else {}
    try:
        with tempfile.TemporaryFile() as archive:
            boto3.client("s3").download_fileobj(bucket, key, archive, ExtraArgs=more or None)
            unpack(archive, _SOURCE)
    except Exception as error:
        message = f"error while downloading key {key}, error: {error}"
        raise _PhaseError("CLIENT_ERROR", message) from error


def unpack(archive: Any, folder: Path) -> None:  # noqa: ANN401
    """Unpack a zip archive; what was executable is so again."""
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            path = file.extract(member, folder)
            if mode := member.external_attr >> 16 & 0o777:
                os.chmod(path, mode)  # noqa: PTH101


def _run(phase: dict[str, Any], shell: str, state: Path) -> None:
    try:
        _commands(phase.get("commands") or (), shell, state)
    finally:
        _commands(phase.get("finally") or (), shell, state)


def _commands(commands: Any, shell: str, state: Path) -> None:  # noqa: ANN401
    if not commands:
        return
    texts = [commands] if isinstance(commands, str) else list(commands)
    kept, folder, at = state / "variables", state / "folder", state / "at"
    lines = [
        f'[ -f {kept} ] && . {kept} && cd "$(cat {folder})" || cd {shlex.quote(str(_SOURCE))}',
        f"export CODEBUILD_BUILD_SUCCEEDING={os.environ['CODEBUILD_BUILD_SUCCEEDING']}",
        f"trap 'export -p > {kept}; pwd > {folder}' EXIT",
    ]
    for number, text in enumerate(texts):
        file = state / f"command-{number}"
        file.write_text(text + "\n", "utf-8")
        stamp = '"$(date -u "+%Y/%m/%d %H:%M:%S.%N" | cut -c1-26)"'
        lines += [
            f"echo {number} > {at}",
            f"echo '[Container]' {stamp} {shlex.quote('Running command ' + text)}",
            f". {file} || exit",
        ]
    script = state / "script"
    script.write_text("\n".join(lines) + "\n", "utf-8")
    code = subprocess.run([shell, script], check=False, stderr=subprocess.STDOUT).returncode
    if code:
        command = texts[int(at.read_text("utf-8"))].strip()
        message = f"Error while executing command: {command}. Reason: exit status {code}"
        raise _PhaseError("COMMAND_EXECUTION_ERROR", message)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
