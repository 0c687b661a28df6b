"""What a run has used of what AWS bills, as far as its row tells. Pure.

The workflow writes what each attempt has (`Field.USAGE`) when it admits a run, and how long all
attempts took (`Field.WORK_MS`) when it records the end, as far as it knows. What is not known has
bounds where the row gives any; what the row does not say, or not readably, is not guessed: such a
run has no figure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from provisioner.runs import counts
from provisioner.runs.counts import number
from provisioner.runs.keys import Field
from provisioner.runs.model import FINAL

SECONDS = "seconds"
"""The member of `Field.USAGE` that only a run has whose cost has been estimated."""

LEAST_BILLED_SECONDS = 60
"""What each start of a container or a machine is billed for at least (Fargate pricing; EC2,
per-second billing)."""

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
    vcpu, memory_mb, storage_mb, disk_gb
        What each attempt has; what a type of job does not have is 0.
    instance_types
        Of a machine the types that its attempts may have had: one if it is known.
    spot
        Whether it may have run on Spot capacity, whose price nobody knows beforehand.
    untimed
        Whether nothing says how long the work took: that of the children of an array.
    seconds
        How long all attempts took, without the intervals between them; at most, if `least_seconds`
        is less.
    attempts
        How many there were, of all items or children.
    untimed_attempts
        Those of which `least_seconds` has no time.
    transitions
        State transitions of Step Functions; at most, if `least_transitions` is less.
    write_units
        Write request units of DynamoDB.
    sampled
        Of how many children of an array the times are known, 0 if of all.
    """

    type: str
    architecture: str
    vcpu: Decimal
    memory_mb: Decimal
    storage_mb: Decimal
    instance_types: tuple[str, ...]
    disk_gb: Decimal
    spot: bool
    untimed: bool
    seconds: Decimal
    least_seconds: Decimal
    attempts: int
    untimed_attempts: int
    transitions: int
    least_transitions: int
    write_units: int
    sampled: int = 0

    def at_least(self) -> Usage:
        """Return what is certain of it."""
        attempts = self.attempts - self.untimed_attempts
        return replace(
            self,
            seconds=self.least_seconds,
            attempts=attempts,
            transitions=self.least_transitions,
        )

    def attributes(self) -> dict[str, object]:
        """Return it as the run's row has it: only what there is."""
        said = {name: getattr(self, name) for name in self.__slots__ if name != "type"}
        for name in ("seconds", "transitions"):
            if said[f"least_{name}"] == said[name]:
                del said[f"least_{name}"]
        types = list(said.pop("instance_types"))
        said |= {"instance_type": types[0]} if len(types) == 1 else {"instance_types": types}
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
    kind, time = row.get(Field.TYPE), _time(row)
    if not isinstance(row.get(Field.USAGE), Mapping) or not isinstance(kind, str) or time is None:
        return None
    size = {**counts.had(row), **_overrides(row)}
    return Usage(
        type=kind,
        architecture=_text(size.get("architecture")),
        vcpu=number(size.get("vcpu")),
        memory_mb=number(size.get("memory_mb")),
        storage_mb=number(size.get("storage_mb")),
        instance_types=_instance_types(row),
        disk_gb=number(size.get("disk_gb")),
        spot=size.get("spot") is True and not _was_on_demand(row),
        untimed=bool(number(size.get("array_size"))) and _ms(row, Field.WORK_MS) is None,
        seconds=time.most,
        least_seconds=time.least,
        attempts=_attempts(row),
        untimed_attempts=time.untimed_attempts,
        transitions=counts.transitions(row),
        least_transitions=counts.least_transitions(row),
        write_units=_LOCK_AND_MORE + _PER_KILOBYTE * _kilobytes(row),
    )


def _attempts(row: Mapping[str, Any]) -> int:
    """Return how many attempts there were, of items at most one each."""
    if not counts.is_over_items(row):
        return counts.attempts(row)
    return counts.items(row) if counts.is_summed_up(row) else _most_starts(row, 1)


def _instance_types(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the types that a run's machines may have had.

    The row says which one the last attempt had, if the workflow could still write it.
    """
    last, had = _text(row.get(Field.INSTANCE_TYPE)), counts.had(row)
    if last and counts.attempts(row) == 1:
        return (last,)
    named = had.get("instance_types")
    found = named if isinstance(named, list) else [had.get("instance_type")]
    return tuple(_text(one) for one in found if _text(one))


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
        failed = counts.failed_items(row) if counts.is_summed_up(row) else 0
        return _Time(worked + _most_of_items(row, failed), worked, failed)
    if whole is None:
        return None
    if counts.is_over_items(row):
        return _Time(_most_of_items(row, counts.items(row)), Decimal(), _attempts(row))
    if row.get(Field.TYPE) == "batch":
        return _Time(whole, Decimal(), _attempts(row))  # it may have waited all the time
    return _Time(whole, whole)


def _most_of_items(row: Mapping[str, Any], items: int) -> Decimal:
    """Return how many seconds items are billed at most that nobody has timed."""
    beside = min(Decimal(items), number(counts.had(row).get("max_concurrency")))
    starts = 1 + number(counts.had(row).get("retries"))
    least = 0 if row.get(Field.TYPE) == "lambda" else LEAST_BILLED_SECONDS
    whole = _ms(row, Field.DURATION_MS) or Decimal()
    started = min(int(items * starts), _most_starts(row, int(starts)))
    return beside * whole + Decimal(started * least)


def _most_starts(row: Mapping[str, Any], each: int) -> int:
    """Return how many starts there were at most: no container and no machine starts in a second."""
    at_once = int(number(counts.had(row).get("max_concurrency")))
    seconds = math.ceil(_ms(row, Field.DURATION_MS) or 0)
    of_all = counts.items(row) * each
    return of_all if row.get(Field.TYPE) == "lambda" else min(of_all, at_once * (1 + seconds))


def _ms(row: Mapping[str, Any], name: Field) -> Decimal | None:
    """Return a time of the row in seconds; None when it is not one."""
    found = row.get(name)
    longest = _LONGEST * 1000 * max(1, counts.items(row) if counts.is_over_items(row) else 1)
    if isinstance(found, int | Decimal) and 0 <= found <= longest:
        return Decimal(found) / 1000
    return None


def _billed_by_fargate(row: Mapping[str, Any]) -> Decimal | None:
    """Return how long the only attempt in a container took, from the pull of its image on."""
    if row.get(Field.TYPE) != "ecs" or counts.attempts(row) != 1:
        return None
    parts = [row.get(name) for name in (Field.PULL_MS, Field.START_MS, Field.RUN_MS)]
    whole = [part for part in parts if isinstance(part, Decimal) and 0 <= part <= _LONGEST * 1000]
    return sum(whole, Decimal()) / 1000 if len(whole) == len(parts) else None


def _was_on_demand(row: Mapping[str, Any]) -> bool:
    """Tell whether a run that might have been on Spot has never been."""
    return (
        row.get(Field.CAPACITY_TYPE) == "on_demand"
        and counts.attempts(row) == 1
        and not number(row.get(Field.SPOT_INTERRUPTIONS))
    )


def _overrides(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the size that a run asked for instead of its row's."""
    try:
        asked = json.loads(row.get(Field.OVERRIDES, "{}"))
    except (ValueError, TypeError):
        return {}
    if not isinstance(asked, dict):
        return {}
    found = {name: number(asked.get(name)) for name in ("cpu", "memory_mb")}
    named = {"vcpu": found["cpu"] / 1024, "memory_mb": found["memory_mb"]}
    return {name: value for name, value in named.items() if value}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _kilobytes(row: Mapping[str, Any]) -> int:
    """Return the size for which DynamoDB bills a write, begun kilobytes."""
    size = sum(len(name) + len(str(value).encode(errors="replace")) for name, value in row.items())
    return math.ceil(size / 1024)
