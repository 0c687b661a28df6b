"""Items of the Triggers table as values, and values as their attributes.

Anybody who may write to the table may have written anything: an attribute of the wrong type reads
as if it were absent, and can end only the run that it belongs to.
"""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from provisioner.aws.items import is_text_set
from provisioner.aws.stored import payload_of
from provisioner.errors import PermanentError
from provisioner.runs.keys import LOCK_FIELDS, Field, PauseStatus
from provisioner.runs.model import (
    STOPPED,
    FoundRun,
    Lock,
    OpenRun,
    Pause,
    RunStatus,
    WaitingRun,
    iso,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients
    from provisioner.runs.model import EndedExecution, WaitingEnd

_LOCK_TYPES = {
    name: kind
    for name, kind in LOCK_FIELDS.items()
    if name not in {Field.STATUS, Field.EXPIRES_AT}  # only the stream's filter and TTL read these
}

_METADATA = {
    Field.SOURCE: "source",
    Field.SCHEDULED_FOR: "scheduled_for",
    Field.STARTED_BY: "by",
    Field.PARENT: "parent",
}
"""Attributes of a run's row, and what they are called in ``_run`` of an execution's input."""


def lock_of(item: Mapping[str, Any]) -> Lock:
    """Return the lock that its item describes."""
    whole = {
        name: value for name, value in item.items() if _LOCK_TYPES.get(name) == _type_of(value)
    }
    return Lock(
        owner=whole.get(Field.OWNER),
        execution_arn=whole.get(Field.EXECUTION_ARN),
        run=whole.get(Field.RUN_ID),
        lease_until=int(whole.get(Field.LEASE_UNTIL, 0)),
        waiting=tuple(sorted(whole.get(Field.WAITING, ()))),
        cancels=whole.get(Field.CANCELS),
        damaged=frozenset(item.keys() & _LOCK_TYPES.keys() - whole.keys()),
    )


def found_run_of(item: Mapping[str, Any]) -> FoundRun:
    """Return a run as an index lists it."""
    return FoundRun(
        item[Field.JOB_NAME],
        item[Field.TRIGGER_ID],
        text_of(item.get(Field.EXECUTION_ARN)),
        time_of(item.get(Field.STARTED_AT)),
    )


def open_run_of(item: Mapping[str, Any]) -> OpenRun:
    """Return a run's status and execution.

    Raises
    ------
    PermanentError
        If it has no status or no execution.
    """
    status, arn = (text_of(item.get(name)) for name in ("status", "execution_arn"))
    if status not in set(RunStatus) or arn is None:
        message = f"the row {item['trigger_id']} of {item['job_name']} has no status or execution"
        raise PermanentError(message)
    return OpenRun(RunStatus(status), arn)


def waiting_run_of(clients: Clients, item: Mapping[str, Any]) -> WaitingRun:
    """Return a QUEUED run, without a payload if its row cannot be read whole."""
    metadata: dict[str, object] = {
        member: item[name]
        for name, member in _METADATA.items()
        if text_of(item.get(name)) is not None
    }
    starts, text = item.get(Field.STARTS, Decimal()), text_of(item.get(Field.INPUT))
    readable = text is not None and _type_of(starts) == "N"
    if "overrides" in item:
        metadata["overrides"] = _json_of(item[Field.OVERRIDES])
        readable = readable and metadata["overrides"] is not None
    payload = payload_of(clients, text) if text is not None and readable else None
    return WaitingRun(item[Field.TRIGGER_ID], int(starts) if readable else 0, payload, metadata)


def pause_of(item: Mapping[str, Any]) -> Pause:
    """Return the pause that its item describes."""
    since, note = (str(item.get(name, "")) for name in ("since", "note"))
    return Pause(item.get(Field.STATUS) == PauseStatus.PAUSED, since, note)


def pause_values(pause: Pause) -> dict[str, str]:
    """Return the attributes of a pause."""
    status = PauseStatus.PAUSED if pause.paused else PauseStatus.RESUMED
    return {Field.STATUS: status, Field.SINCE: pause.since, Field.NOTE: pause.note}


def end_values(execution: EndedExecution, stop_reason: str | None) -> dict[str, object]:
    """Return the attributes that an execution's end sets on its run's row."""
    reason = stop_reason if execution.status is RunStatus.STOPPED else None
    took = execution.ended_at - execution.started_at
    return _without_none(
        status=execution.status,
        error=execution.error or (reason and STOPPED),
        cause=execution.cause or reason,
        started_at=iso(execution.started_at),
        ended_at=iso(execution.ended_at),
        duration_ms=int(took / timedelta(milliseconds=1)),
        execution_arn=execution.execution_arn,
    )


def waiting_end_values(end: WaitingEnd) -> dict[str, object]:
    """Return the attributes that the end of a run sets that never started."""
    return _without_none(
        status=end.status,
        error=end.error,
        cause=end.cause,
        ended_at=iso(end.at),
        stopped_by=end.by,
    )


def _without_none(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _json_of(text: object) -> object:
    try:
        return json.loads(text_of(text) or "")
    except (ValueError, RecursionError):
        return None


def text_of(value: object) -> str | None:
    """Return the text in an attribute, None when it is not one."""
    return value if isinstance(value, str) else None


def _type_of(value: object) -> str:
    match value:
        case str():
            return "S"
        case Decimal():
            return "N"
        case _ if is_text_set(value):
            return "SS"
        case _:
            return ""
