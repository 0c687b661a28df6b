"""What a run has used of what AWS bills, as far as its row tells. Pure.

The workflow writes what each attempt has (`Field.USAGE`) when it admits a run, and how long all
attempts took (`Field.WORK_MS`) when it records the end, as far as it knows. What is not known has
bounds where the row gives any; what the row does not say, or not readably, is not guessed: such a
run has no figure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from provisioner.runs.keys import Field
from provisioner.runs.model import FINAL, RunStatus

SECONDS = "seconds"
"""The member of `Field.USAGE` that only a run has whose cost has been estimated."""

LEAST_BILLED_SECONDS = 60
"""What each start of a container or a machine is billed for at least (Fargate pricing; EC2,
per-second billing)."""

CHILDREN_ASKED = 1_000
"""Of an array on Batch, ten calls; the children of a larger one take too long to ask for."""

_LONGEST = 400 * 24 * 3600
"""Seconds; a run takes a year at most, so a longer time is damaged."""

_LOCK_AND_MORE = 11
"""Write units a run takes besides its row: the lock twice, its scheduled time, the month's sum, and
its entry in the index of all runs, which is written when it begins, ends and has a cost."""

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
        Whether nothing says how long the work took: that of items or of the children of an array.
    seconds
        How long all attempts took, without the intervals between them; at most, if `least_seconds`
        is less.
    attempts
        How many there were, of all items or children.
    untimed_attempts
        Those of which `least_seconds` has no time.
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
    least_seconds: Decimal
    attempts: int
    untimed_attempts: int
    transitions: int
    write_units: int

    def at_least(self) -> Usage:
        """Return what is certain of it."""
        attempts = self.attempts - self.untimed_attempts
        return replace(self, seconds=self.least_seconds, attempts=attempts)

    def attributes(self) -> dict[str, object]:
        """Return it as the run's row has it: only what there is."""
        said = {name: getattr(self, name) for name in self.__slots__ if name != "type"}
        if self.least_seconds == self.seconds:
            del said["least_seconds"]
        return {
            name: value
            for name, value in said.items()
            if name == SECONDS or (value is not False and value)
        }


def is_unestimated(row: Mapping[str, Any]) -> bool:
    """Tell whether a run has ended and says what it had, but not yet what it used."""
    had = row.get(Field.USAGE)
    return row.get(Field.STATUS) in FINAL and isinstance(had, Mapping) and SECONDS not in had


def usage_of(row: Mapping[str, Any]) -> Usage | None:
    """Return what an ended run has used; None when its row does not say what it had.

    Those are rows of runs that never began, of earlier versions, and damaged ones.
    """
    had, kind = row.get(Field.USAGE), row.get(Field.TYPE)
    if not isinstance(had, Mapping) or not isinstance(kind, str):
        return None
    time = _time(row)
    if time is None:
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
        untimed=size.get("untimed") is True and _ms(row, Field.WORK_MS) is None,
        seconds=time.most,
        least_seconds=time.least,
        attempts=_items(row) if Field.ITEM_COUNT in row else _attempts(row),
        untimed_attempts=time.untimed_attempts,
        transitions=transitions(row),
        write_units=_LOCK_AND_MORE + _PER_KILOBYTE * _kilobytes(row),
    )


def children_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids that Batch gives the children of a run's array; none if they are too many."""
    array, had = row.get(Field.BATCH_JOB_ID), row.get(Field.USAGE)
    size = int(_number(had.get("array_size"))) if isinstance(had, Mapping) else 0
    if not isinstance(array, str) or not array or size > CHILDREN_ASKED:
        return ()
    return tuple(f"{array}:{index}" for index in range(size))


def with_children(usage: Usage, attempts_ms: Iterable[int]) -> Usage:
    """Return what the children of an array have used, by how long each of their attempts took."""
    least = Decimal(LEAST_BILLED_SECONDS)
    billed = [max(least, Decimal(took) / 1000) for took in attempts_ms]
    seconds = sum(billed, Decimal())
    return replace(
        usage, untimed=False, seconds=seconds, least_seconds=seconds, attempts=len(billed)
    )


def transitions(row: Mapping[str, Any]) -> int:
    """Return how many state transitions a run took, by how it went.

    Of items further attempts are not among them.
    """
    success, failure, attempt = _STATES.get(str(row.get(Field.TYPE)), _PLAIN)
    again = attempt * (_attempts(row) - 1)
    waited = 5 * (1 + int(_number(row.get(Field.STARTS)))) if Field.QUEUED_AT in row else 0
    moved = sum(3 if name is Field.INPUT else 2 for name in _LARGE if _is_address(row.get(name)))
    around = again + waited + moved
    if Field.ITEM_COUNT in row:
        failed = _failed_items(row)
        succeeded = _items(row) - failed
        each = success - 1
        of_items = succeeded * (each + _result(row)) + failed * (failure - 2)
        return _OF_FAN_OUT[row.get(Field.STATUS) == RunStatus.SUCCEEDED] + of_items + around
    match row.get(Field.STATUS):
        case RunStatus.SUCCEEDED:
            return success + _result(row) + around
        case RunStatus.STOPPED:
            return success - 1 + around
        case _:
            return failure + around


_OF_FAN_OUT = {True: 5, False: 6}
"""States of a run over items itself, by whether it succeeds (`templates.workflow.fan_out`)."""

_PLAIN = (4, 6, 3)
_STATES = {"ec2": (5, 10, 6)}
"""States of a run that succeeds at once and of one that fails at once, and for each further attempt
those from `Run` on: `templates.workflow.definition`, and `templates.machine` for machines. An item
has those of a run but one, and two if it fails."""

_LARGE = (Field.INPUT, Field.OUTPUT)


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith("s3://")


def _result(row: Mapping[str, Any]) -> int:
    """Return how many states read the result that a container left."""
    had = row.get(Field.USAGE)
    return int(isinstance(had, Mapping) and had.get("result") is True)


def _items(row: Mapping[str, Any]) -> int:
    return int(_number(row.get(Field.ITEM_COUNT)))


def _failed_items(row: Mapping[str, Any]) -> int:
    return min(_items(row), int(_number(row.get(Field.ITEM_FAILURES))))


def _attempts(row: Mapping[str, Any]) -> int:
    return max(1, min(1000, int(_number(row.get(Field.ATTEMPTS)))))


@dataclass(frozen=True, slots=True)
class _Time:
    """How many seconds the attempts took: at most and at least."""

    most: Decimal
    least: Decimal
    untimed_attempts: int = 0


def _time(row: Mapping[str, Any]) -> _Time | None:
    """Return how long the attempts took; of a run that was stopped, how long it was there."""
    if row.get(Field.STATUS) not in FINAL:
        return None
    if billed := _billed_by_fargate(row):
        return _Time(billed, billed)
    worked, whole = _ms(row, Field.WORK_MS), _ms(row, Field.DURATION_MS)
    if worked is not None:
        return _Time(worked + _most_of_failed_items(row), worked, _failed_items(row))
    if whole is not None and row.get(Field.TYPE) == "batch":
        return _Time(whole, Decimal(), _attempts(row))  # it may have waited all the time
    return None if whole is None else _Time(whole, whole)


def _most_of_failed_items(row: Mapping[str, Any]) -> Decimal:
    """Return how many seconds the items are billed at most that failed: nobody has timed them."""
    failed = Decimal(_failed_items(row))
    had = row[Field.USAGE]
    beside = min(failed, _number(had.get("max_concurrency")))
    starts = failed * (1 + _number(had.get("retries")))
    least = 0 if row.get(Field.TYPE) == "lambda" else LEAST_BILLED_SECONDS
    return beside * (_ms(row, Field.DURATION_MS) or Decimal()) + starts * least


def _ms(row: Mapping[str, Any], name: Field) -> Decimal | None:
    """Return a time of the row in seconds; None when it is not one."""
    found = row.get(name)
    longest = _LONGEST * 1000 * max(1, _items(row))
    if isinstance(found, int | Decimal) and 0 <= found <= longest:
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
