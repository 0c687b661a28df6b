"""The options of `provisioner run` as a request."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from provisioner import exact_numbers
from provisioner.errors import PermanentError
from provisioner.json_objects import distinct
from provisioner.service.context import Service
from provisioner.service.start_run import (
    InvalidRunError,
    RunRequest,
    StartedRun,
    check_payload,
    start_run,
)
from provisioner.service.start_run import check as start_run_check

_OPTIONS = {"command": "--command", "environment": "--env", "cpu": "--cpu", "memory_mb": "--memory"}


def start(service: Service, job_name: str, request: RunRequest) -> StartedRun:
    """Start a run; what the job's row does not allow is said of the option."""
    with _refusals():
        return start_run(service, job_name, request)


def check(service: Service, job_name: str, request: RunRequest) -> str:
    """Check a run and start none; return why nothing was checked, or ""."""
    with _refusals():
        return start_run_check(service, job_name, request)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except InvalidRunError as error:
        said = [f"{_option(path)} {message}" for path, message in error.overrides]
        raise typer.BadParameter("\n  ".join((*error.payload, *said))) from error


def _option(path: str) -> str:
    """Return how a part of the overrides was asked for: `--env DAY` for `.environment.DAY`."""
    part, _, name = path.removeprefix(".").partition(".")
    return f"{_OPTIONS[part]} {name}".strip() if part else "overrides"


def overrides(
    *, command: str | None, env: Iterable[str], cpu: str | None, memory: str | None
) -> dict[str, object]:
    """Return what the options ask for other than the row."""
    wanted = {
        "command": command,
        "environment": environment(env) or None,
        "cpu": cpu,
        "memory_mb": memory,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def payload(text: str) -> dict[str, Any]:
    """Return what `--payload` gives."""
    where = "--payload"
    try:
        if text == "-":
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        elif text.startswith("@"):
            where = text[1:]
            text = Path(where).read_text(encoding="utf-8-sig")
        return check_payload(
            json.loads(
                text,
                parse_float=exact_numbers.read,
                parse_constant=exact_numbers.read,
                object_pairs_hook=distinct,
            )
        )
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else f"is not valid JSON: {error}"
        message = f"{where}: {why}"
        raise PermanentError(message) from error
    except PermanentError as error:
        message = f"{where}: {error}"
        raise PermanentError(message) from error


def environment(pairs: Iterable[str]) -> dict[str, str]:
    """Return what `--env` gives, each as `NAME=VALUE`."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            message = f'--env "{name}" must be NAME=VALUE'
            raise typer.BadParameter(message)
        if name in found:
            message = f"--env {name} is given twice"
            raise typer.BadParameter(message)
        found[name] = value
    return found
