"""What a run has used of what AWS bills, as far as its row tells. Pure.

The workflow writes what each attempt has (`Field.USAGE`) when it admits a run, and how long all
attempts took (`Field.WORK_MS`) when it records the end. What the row does not say, or not readably,
is not guessed: such a run has no figure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from provisioner.runs.keys import Field
from provisioner.runs.model import FINAL, RunStatus

SECONDS = "seconds"
"""The member of `Field.USAGE` that only a run has whose cost has been estimated."""

_LONGEST = 400 * 24 * 3600
"""Seconds; a run takes a year at most, so a longer time is damaged."""

_LOCK_AND_MORE = 8
"""Write units a run takes besides its row: the lock twice, its scheduled time, the month's sum."""

_PER_KILOBYTE = 10
"""Write units for each kilobyte of the row: three transactions, and the index `by_status` four
times (DynamoDB: a transaction takes twice the units; a changed index key is two writes)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used.

    Attributes
    ----------
    vcpu, memory_mb, storage_mb, instance_type, disk_gb
        What each attempt has; what a type of job does not have is 0 or empty.
    spot
        Whether it may have run on Spot capacity, whose price nobody knows beforehand.
    untimed
        Whether the row does not say how long the work took: that of items, which have executions of
        their own, and of types that wait in a queue first.
    seconds
        How long all attempts took, without the intervals between them.
    transitions
        State transitions of Step Functions.
    write_units
        Write request units of DynamoDB.
    """

    type: str
    architecture: str
    vcpu: Decimal
    memory_mb: Decimal
    storage_mb: Decimal
    instance_type: str
    disk_gb: Decimal
    spot: bool
    untimed: bool
    seconds: Decimal
    attempts: int
    transitions: int
    write_units: int

    def attributes(self) -> dict[str, object]:
        """Return it as the run's row has it: only what there is."""
        said = {name: getattr(self, name) for name in self.__slots__ if name != "type"}
        return {
            name: value
            for name, value in said.items()
            if name == SECONDS or (value is not False and value)
        }


def usage_of(row: Mapping[str, Any]) -> Usage | None:
    """Return what an ended run has used; None when its row does not say what it had.

    Those are rows of runs that never began, of earlier versions, and damaged ones.
    """
    had, kind = row.get(Field.USAGE), row.get(Field.TYPE)
    seconds = _seconds(row)
    if not isinstance(had, Mapping) or not isinstance(kind, str) or seconds is None:
        return None
    size = {**had, **_overrides(row)}
    return Usage(
        type=kind,
        architecture=_text(size.get("architecture")),
        vcpu=_number(size.get("vcpu")),
        memory_mb=_number(size.get("memory_mb")),
        storage_mb=_number(size.get("storage_mb")),
        instance_type=_text(size.get("instance_type")),
        disk_gb=_number(size.get("disk_gb")),
        spot=size.get("spot") is True and not _was_on_demand(row),
        untimed=size.get("untimed") is True,
        seconds=seconds,
        attempts=_attempts(row),
        transitions=transitions(row),
        write_units=_LOCK_AND_MORE + _PER_KILOBYTE * _kilobytes(row),
    )


def transitions(row: Mapping[str, Any]) -> int:
    """Return how many state transitions a run took, by how it went.

    A fan-out's items are not among them.
    """
    success, failure, attempt = _STATES.get(str(row.get(Field.TYPE)), _PLAIN)
    again = attempt * (_attempts(row) - 1)
    waited = 5 * (1 + int(_number(row.get(Field.STARTS)))) if Field.QUEUED_AT in row else 0
    moved = sum(3 if name is Field.INPUT else 2 for name in _LARGE if _is_address(row.get(name)))
    match row.get(Field.STATUS):
        case RunStatus.SUCCEEDED:
            ended = success + (1 if _result(row) else 0)
        case RunStatus.STOPPED:
            ended = success - 1
        case _:
            ended = failure
    return ended + again + waited + moved


_PLAIN = (4, 6, 3)
_STATES = {"ec2": (5, 10, 6)}
"""States of a run that succeeds at once and of one that fails at once, and for each further attempt
those from `Run` on: `templates.workflow.definition`, and `templates.machine` for machines."""

_LARGE = (Field.INPUT, Field.OUTPUT)


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith("s3://")


def _result(row: Mapping[str, Any]) -> bool:
    had = row.get(Field.USAGE)
    return isinstance(had, Mapping) and had.get("result") is True


def _attempts(row: Mapping[str, Any]) -> int:
    return max(1, min(1000, int(_number(row.get(Field.ATTEMPTS)))))


def _seconds(row: Mapping[str, Any]) -> Decimal | None:
    """Return how long the attempts took; of a run that was stopped, how long it was there."""
    if row.get(Field.STATUS) not in FINAL:
        return None
    if billed := _billed_by_fargate(row):
        return billed
    for name in (Field.WORK_MS, Field.DURATION_MS):
        found = row.get(name)
        if isinstance(found, int | Decimal) and 0 <= found <= _LONGEST * 1000:
            return Decimal(found) / 1000
    return None


def _billed_by_fargate(row: Mapping[str, Any]) -> Decimal | None:
    """Return how long the only attempt in a container took, from the pull of its image on."""
    if row.get(Field.TYPE) != "ecs" or _attempts(row) != 1:
        return None
    parts = [row.get(name) for name in (Field.PULL_MS, Field.START_MS, Field.RUN_MS)]
    whole = [part for part in parts if isinstance(part, Decimal) and 0 <= part <= _LONGEST * 1000]
    return sum(whole, Decimal()) / 1000 if len(whole) == len(parts) else None


def _was_on_demand(row: Mapping[str, Any]) -> bool:
    """Tell whether a run that might have been on Spot has never been."""
    return (
        row.get(Field.CAPACITY_TYPE) == "on_demand"
        and _attempts(row) == 1
        and not _number(row.get(Field.SPOT_INTERRUPTIONS))
    )


def _overrides(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the size that a run asked for instead of its row's."""
    try:
        asked = json.loads(row.get(Field.OVERRIDES, "{}"))
    except (ValueError, TypeError):
        return {}
    if not isinstance(asked, dict):
        return {}
    found = {name: _number(asked.get(name)) for name in ("cpu", "memory_mb")}
    named = {"vcpu": found["cpu"] / 1024, "memory_mb": found["memory_mb"]}
    return {name: value for name, value in named.items() if value}


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Decimal()
    number = Decimal(str(value))
    return number if number.is_finite() and 0 <= number < Decimal(10**9) else Decimal()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _kilobytes(row: Mapping[str, Any]) -> int:
    """Return the size for which DynamoDB bills a write, begun kilobytes."""
    size = sum(len(name) + len(str(value).encode(errors="replace")) for name, value in row.items())
    return math.ceil(size / 1024)
