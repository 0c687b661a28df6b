"""Starting a run: its payload and overrides are checked against the job's row first."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import repeats
from provisioner.errors import InvalidRequestError, NotFoundError, PermanentError
from provisioner.jobs import FieldError, InvalidRow
from provisioner.jobs.errors import InvalidValueError, kind_of
from provisioner.jobs.overrides import run_overrides
from provisioner.jobs.payload import RESERVED
from provisioner.jobs.run_input import number_errors, payload_errors
from provisioner.service.audit import recorded
from provisioner.service.problems import problem_of
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.aws.executions import Started
    from provisioner.service.context import Service


class InvalidRunError(InvalidRequestError):
    """The job's row does not allow a run as it was asked for.

    Attributes
    ----------
    payload
        What is wrong with the payload, each with the path of the value.
    overrides
        What is wrong with the overrides: the path of each, as `.environment.DAY`, and why.
    problems
        All of it, with pointers into `{"payload": …, "overrides": …}`.
    """

    def __init__(
        self,
        request: RunRequest,
        payload: Sequence[FieldError],
        overrides: Sequence[tuple[str, str]],
    ) -> None:
        self.payload = tuple(f"{error.field} {error.message}" for error in payload)
        self.overrides = tuple(overrides)
        wrong = [FieldError(f"overrides{path}", message) for path, message in overrides]
        document = {"payload": request.payload, "overrides": request.overrides}
        self.problems = tuple(problem_of(error, document) for error in (*payload, *wrong))
        said = (*self.payload, *(f"{error.field} {error.message}" for error in wrong))
        super().__init__("\n  ".join(said))


class KeyReusedError(PermanentError):
    """An idempotency key was used before, for another request."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that someone asks for.

    Attributes
    ----------
    overrides
        What the run is to have other than its row, as far as the row allows it.
    idempotency_key
        The same key again is the same run; None for a new one.
    parent
        The run that this one repeats, by the name of its execution.
    """

    payload: Mapping[str, Any]
    overrides: Mapping[str, object] = field(default_factory=dict)
    overlap: str | None = None
    idempotency_key: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run that is started; `unchecked` says why its payload was not checked, "" if it was."""

    name: str
    execution: Started
    unchecked: str = ""


def check_payload(payload: object) -> dict[str, Any]:
    """Return a payload that a run may get.

    Raises
    ------
    PermanentError
        If it is not an object, or has a member that only the provisioner writes.
    """
    if not isinstance(payload, dict):
        message = f"must be a JSON object, not {kind_of(payload)}"
        raise PermanentError(message)
    if RESERVED in payload:
        message = f'"{RESERVED}" is set by the provisioner'
        raise PermanentError(message)
    return payload


def start_run(service: Service, job_name: str, request: RunRequest) -> StartedRun:
    """Start a job now, or return the run that the idempotency key has started before.

    Raises
    ------
    InvalidRunError
        If the payload does not satisfy the row's schema, or the row does not allow an override.
    KeyReusedError
        If the idempotency key was used for another request.
    PermanentError
        If the job has no stack.
    """
    key = request.idempotency_key
    name = _unique_name(service) if key is None else name_of_key(job_name, key)
    machine = service.output_of(job_name, "StateMachineArn")
    overrides, unchecked = _checked(service, job_name, request)
    given = _execution_input(service, request, overrides)
    known = None if key is None else service.executions.started(machine, name)
    if known is None:
        detail = _detail(request, overrides)
        with recorded(service, Action.START_RUN, job_name, run=name, detail=detail):
            execution = start_execution(service, job_name, machine, name, given)
    else:
        execution = known
    if not _same_request(execution.input, given):
        message = f"the idempotency key was used before, for another request: {name}"
        raise KeyReusedError(message)
    return StartedRun(name, execution, unchecked)


def check(service: Service, job_name: str, request: RunRequest) -> str:
    """Check a run as `start_run` does, and start none; return why nothing was checked, or "".

    Raises
    ------
    InvalidRunError
        If the payload does not satisfy the row's schema, or the row does not allow an override.
    PermanentError
        If the job has no stack.
    """
    service.output_of(job_name, "StateMachineArn")
    return _checked(service, job_name, request)[1]


def _detail(request: RunRequest, overrides: Mapping[str, object]) -> str | None:
    """Return which run it repeats, and its overrides without values: they are not for the audit."""
    parts = [repeats(request.parent)] if request.parent else []
    if overrides:
        parts.append(f"overrides {', '.join(sorted(overrides))}")
    return "; ".join(parts) or None


def start_execution(
    service: Service, job_name: str, machine: str, name: str, given: Mapping[str, Any]
) -> Started:
    """Start an execution; if its state machine was deleted, have the job's drift detected.

    Raises
    ------
    NotFoundError
        If there is no state machine.
    """
    try:
        return service.executions.start(machine, name, given)
    except NotFoundError as error:
        service.reconcile_queue.send(job_name, detect_drift=True)
        message = (
            f"{error}: the state machine was deleted outside the provisioner. The job becomes "
            f'FAILED within about ten minutes; then "provisioner retry {job_name}" creates it again'
        )
        raise NotFoundError(message) from error


def name_of_key(job_name: str, key: str) -> str:
    """Return the name of the one execution that an idempotency key stands for.

    Raises
    ------
    InvalidRequestError
        If the key is empty.
    """
    if not key:
        message = "the idempotency key is empty"
        raise InvalidRequestError(message)
    return f"manual-{hashlib.sha256(f'{job_name}/{key}'.encode()).hexdigest()[:32]}"


def run_metadata(service: Service, source: str) -> dict[str, object]:
    """Return what a run's row says of its start: the source, and the name of the caller."""
    return {"source": source, "by": service.caller().label}


def _execution_input(
    service: Service, request: RunRequest, overrides: Mapping[str, object]
) -> dict[str, Any]:
    metadata = run_metadata(service, "manual")
    if request.overlap is not None:
        metadata["overlap"] = request.overlap
    if request.parent is not None:
        metadata["parent"] = request.parent
    if overrides:
        metadata["overrides"] = overrides
    return {**request.payload, RESERVED: metadata}


def _checked(
    service: Service, job_name: str, request: RunRequest
) -> tuple[Mapping[str, object], str]:
    """Return the overrides as the workflow gets them, and why nothing was checked."""
    row = service.row(job_name)
    job = None if row is None else service.job(row)
    if job is None or isinstance(job, InvalidRow):
        why = f"the row of {job_name} is {'INVALID' if job else 'deleted'}"
        if request.overrides:
            message = f"only a valid row can allow overrides, but {why}"
            raise PermanentError(message)
        if wrong_numbers := number_errors(request.payload):
            raise InvalidRunError(request, wrong_numbers, ())
        return {}, why
    payload = payload_errors(job, request.payload)
    wrong: tuple[tuple[str, str], ...] = ()
    overrides: Mapping[str, object] = {}
    try:
        overrides = run_overrides(job, request.overrides, request.payload)
    except InvalidValueError as error:
        wrong = tuple(error.problems)
    if payload or wrong:
        raise InvalidRunError(request, payload, wrong)
    return overrides, ""


def _same_request(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two executions have the same input, apart from the caller."""
    return _anonymous(one) == _anonymous(other)


def _anonymous(request: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in request.get(RESERVED, {}).items() if name != "by"}
    return {**request, RESERVED: metadata}


def _unique_name(service: Service) -> str:
    return f"manual-{service.clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
