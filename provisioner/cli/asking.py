"""What `provisioner run` asks for: its options, checked against the job's row before it starts."""

import hashlib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from provisioner.aws.executions import Started
from provisioner.cli.display import hint
from provisioner.cli.session import Session
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import InvalidRow, guarded
from provisioner.jobs.errors import InvalidValueError, kind_of
from provisioner.jobs.overrides import run_overrides
from provisioner.jobs.payload import RESERVED
from provisioner.jobs.run_input import payload_errors

MAX_BY_CHARACTERS = 200
"""What the workflow keeps of who started a run."""

_OPTIONS = {"command": "--command", "environment": "--env", "cpu": "--cpu", "memory_mb": "--memory"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A run on demand: its payload, and what it wants otherwise than its row has it."""

    payload: Mapping[str, Any]
    overrides: Mapping[str, object]
    overlap: str | None


def start(
    here: Session, job_name: str, machine: str, execution_name: str, given: Mapping[str, Any]
) -> Started:
    """Start an execution; have it found out what is gone of a stack without its state machine.

    Raises
    ------
    NotFoundError
        If somebody deleted the state machine.
    """
    try:
        return here.executions.start(machine, execution_name, given)
    except NotFoundError as error:
        here.reconcile_queue.send(job_name, detect_drift=True)
        message = (
            f"{error}: somebody deleted it. Its job is FAILED in some ten minutes; then "
            f'"provisioner retry {job_name}" makes it again'
        )
        raise NotFoundError(message) from error


def execution_input(here: Session, job_name: str, asked: Asked) -> dict[str, Any]:
    """Return the input of the execution, or tell what the job's row has against it.

    Raises
    ------
    typer.BadParameter
        If the payload does not fit the row's schema, or the row does not allow an override.
    """
    told: dict[str, object] = {"source": "manual", "by": here.caller_arn()[:MAX_BY_CHARACTERS]}
    if asked.overlap is not None:
        told["overlap"] = asked.overlap
    if overrides := _checked(here, job_name, asked):
        told["overrides"] = overrides
    return {**asked.payload, RESERVED: told}


def _checked(here: Session, job_name: str, asked: Asked) -> Mapping[str, object]:
    row = here.row(job_name)
    job = None if row is None else here.permitted(guarded.parse(row))
    if job is None or isinstance(job, InvalidRow):
        why = "gone" if job is None else "INVALID"
        if asked.overrides:
            message = (
                f"what a run may override is for its row to say, and that of {job_name} is {why}"
            )
            raise PermanentError(message)
        hint(f"The payload is not checked: the row of {job_name} is {why}.")
        return {}
    problems = [f"{error.field} {error.message}" for error in payload_errors(job, asked.payload)]
    try:
        overrides = run_overrides(job, asked.overrides, asked.payload)
    except InvalidValueError as error:
        problems += [f"{_option(path)} {message}" for path, message in error.problems]
    if problems:
        raise typer.BadParameter("\n  ".join(problems))
    return overrides


def _option(path: str) -> str:
    """Return how a part of the overrides was asked for: `--env DAY` for `.environment.DAY`."""
    part, _, name = path.removeprefix(".").partition(".")
    return f"{_OPTIONS[part]} {name}".strip() if part else "overrides"


def payload(text: str) -> dict[str, Any]:
    """Return what `--payload` gives."""
    where = "--payload"
    try:
        if text == "-":
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        elif text.startswith("@"):
            where = text[1:]
            text = Path(where).read_text(encoding="utf-8-sig")
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else f"no valid JSON: {error}"
        message = f"{where}: {why}"
        raise PermanentError(message) from error
    if not isinstance(value, dict):
        message = f"{where}: must be a JSON object, not {kind_of(value)}"
        raise PermanentError(message)
    if RESERVED in value:
        message = f'{where}: "{RESERVED}" is set by the provisioner'
        raise PermanentError(message)
    return value


def _finite(number: str) -> float:
    """Return a number that JSON can say again: not NaN, and not Infinity, as 1e999 is read."""
    if not math.isfinite(value := float(number)):
        message = f"{number} is not a number that a run can get"
        raise ValueError(message)
    return value


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


def name_for(job_name: str, key: str) -> str:
    """Return the name of the one execution that an idempotency key stands for."""
    if not key:
        message = "--idempotency-key is empty"
        raise typer.BadParameter(message)
    return f"manual-{hashlib.sha256(f'{job_name}/{key}'.encode()).hexdigest()[:32]}"


def same_request(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two executions were asked for the same, by whomever."""
    return _anonymous(one) == _anonymous(other)


def _anonymous(request: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in request.get(RESERVED, {}).items() if name != "by"}
    return {**request, RESERVED: told}
