"""One run in detail: all that its row says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from provisioner.aws.stored import text_at
from provisioner.errors import NotFoundError, PermanentError
from provisioner.runs.cost import Cost
from provisioner.runs.keys import execution_name_of, is_trigger_id, trigger_id
from provisioner.runs.model import RunStatus, iso, time_of
from provisioner.service.run_lines import RunLine, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.aws.executions import Started
    from provisioner.service.context import Item, Service
    from provisioner.stacks.model import StackRecord

STARTING = "STARTING"
"""Status of a run that its workflow has not recorded yet."""

_ROW_GRACE = timedelta(minutes=1)
"""How long after the end of its execution a run may get its row."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a run was given, or has returned.

    Attributes
    ----------
    value
        The JSON value; the text itself if it is not JSON; None when there is none, or it is lost.
    location
        Where it is kept, `s3://bucket/key`, if it is too large for the row.
    """

    value: object = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run's time: `waiting`, then for containers `queued`, `pull` and `start`, `run`.

    `ended_at` is None for the part that it is in.
    """

    name: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """Everything about one run.

    Attributes
    ----------
    row
        As it is in its table.
    input, result
        What the job was given, and what it returned.
    overrides
        What the run had other than its job's row.
    error, cause
        Whole, as the row has them.
    usage
        What it has used, as its cost was computed from it.
    cost
        In USD; None when it has no estimate.
    phases
        Where its time went, in order, as far as its row says.
    parent
        The run that it repeats; None for any other.
    log_stream
        The stream with its log, if it is known; `request_id` is the invocation's in it.
    """

    line: RunLine
    row: Item
    input: Stored
    overrides: Mapping[str, Any]
    result: Stored
    error: str | None
    cause: str | None
    usage: Mapping[str, Any]
    cost: Cost | None
    phases: tuple[Phase, ...]
    parent: str | None
    log_stream: str | None
    request_id: str | None


def detail(service: Service, job_name: str, run: str) -> RunDetail:
    """Return everything about one run, which is named by its execution or by its `trigger_id`.

    Raises
    ------
    NotFoundError
        If there is no such job or run.
    """
    row = find(service, job_name, run)
    overrides, usage = row.get("overrides"), row.get("usage")
    return RunDetail(
        line=line_of(row),
        row=row,
        input=_stored(service, row.get("input")),
        overrides=_object(_json(overrides)),
        result=_stored(service, row.get("output")),
        error=_text(row.get("error")),
        cause=_text(row.get("cause")),
        usage=_object(usage),
        cost=_cost_of(row),
        phases=tuple(_phases(row)),
        parent=_text(row.get("parent")),
        log_stream=_text(row.get("log_stream")),
        request_id=_text(row.get("request_id")),
    )


def find(service: Service, job_name: str, run: str, record: StackRecord | None = None) -> Item:
    """Return the row of a run, which is named by its execution or by its `trigger_id`.

    That is one request for a `trigger_id`; for a name two, or three when it has no execution. A run
    whose execution began a moment ago has no row yet: it is `STARTING`.

    Parameters
    ----------
    record
        The job's Stacks row, if it has been read: that saves one.

    Raises
    ------
    NotFoundError
        If there is no such job or run.
    """
    row = service.triggers.run(job_name, run) if is_trigger_id(run) else None
    if row is None:
        name = execution_name_of(run) if is_trigger_id(run) else run
        row = _named(service, job_name, name, record or service.record(job_name))
    if row is None:
        service.existing_row(job_name)
        message = f'{job_name} has no run "{run}"'
        raise NotFoundError(message)
    return row


def _named(service: Service, job_name: str, name: str, record: StackRecord | None) -> Item | None:
    """Find a run by its execution: when that began is what its row's key begins with."""
    try:
        machine = service.output_in(record, job_name, "StateMachineArn")
        started = service.executions.started(machine, name)
    except PermanentError:  # the job's stack is gone, its runs are not
        started = None
    found = service.triggers.find(job_name, name, started.started_at) if started else None
    if found is not None:
        return found
    if started is not None and _may_get_a_row(service, started):
        began_at = iso(started.started_at)
        return {
            "job_name": job_name,
            "trigger_id": trigger_id(began_at, name),
            "status": STARTING,
            "started_at": began_at,
            "execution_arn": started.arn,
        }
    return service.triggers.named(job_name, name)  # a missed one has no execution


def _may_get_a_row(service: Service, started: Started) -> bool:
    """Tell whether a run may have no row yet; that of an older one was removed."""
    match started.input:
        case {"_run": {"waited": _}}:  # it has that of the execution before
            return False
    return started.ended_at is None or service.clock() - started.ended_at < _ROW_GRACE


def _phases(row: Mapping[str, Any]) -> Iterator[Phase]:
    began, ended = time_of(row.get("started_at")), time_of(row.get("ended_at"))
    queued = time_of(row.get("queued_at"))
    if began is None:
        return
    if queued is not None:
        yield Phase("waiting", queued, began if row.get("status") != RunStatus.QUEUED else None)
    if row.get("status") == RunStatus.QUEUED:
        return
    at = began
    for name in ("queued", "pull", "start"):
        took = row.get(f"{name}_ms")
        if isinstance(took, int | Decimal) and 0 < took < _LONGEST_MS:
            until = at + timedelta(milliseconds=int(took))
            yield Phase(name, at, until)
            at = until
    yield Phase("run", at, ended)


_LONGEST_MS = 366 * 24 * 3600 * 1000


def _stored(service: Service, text: object) -> Stored:
    if not isinstance(text, str):
        return Stored()
    if not text.startswith("s3://"):
        return Stored(_json(text))
    found = text_at(service.clients, text)
    return Stored(None if found is None else _json(found), text)


def _json(text: object) -> object:
    if not isinstance(text, str):
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _cost_of(row: Mapping[str, Any]) -> Cost | None:
    most, least = row.get("estimated_cost"), row.get("estimated_cost_from")
    if not isinstance(most, Decimal):
        return None
    return Cost(most, least if isinstance(least, Decimal) else most)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
