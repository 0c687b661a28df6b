"""What the children of an array on Batch have used, by what Batch says of their attempts. Pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from provisioner.runs.counts import had, number
from provisioner.runs.keys import Field
from provisioner.runs.usage import LEAST_BILLED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.runs.usage import Usage

CHILDREN_ASKED = 1_000
"""Ten calls. In a larger array so many children stand for all: a stream waits for the answer."""


def array_of(row: Mapping[str, Any]) -> str | None:
    """Return the id of a run's array, if its row says it: that of one that was stopped does not."""
    found = row.get(Field.BATCH_JOB_ID)
    return found if isinstance(found, str) and found else None


def size_of(row: Mapping[str, Any]) -> int:
    """Return how many children a run's array has; 0 of a run without one."""
    return int(number(had(row).get("array_size")))


def children_of(array: str, size: int) -> tuple[str, ...]:
    """Return the ids that Batch gives the children of an array, of a large one evenly spread."""
    asked = min(size, CHILDREN_ASKED)
    return tuple(f"{array}:{number * size // asked}" for number in range(asked))


def with_children(usage: Usage, size: int, asked: int, attempts_ms: Sequence[int]) -> Usage:
    """Return what an array has used, by how long each attempt took of the children asked for.

    If these are not all, their average stands for the others.
    """
    least = Decimal(LEAST_BILLED_SECONDS)
    billed = sum((max(least, Decimal(took) / 1000) for took in attempts_ms), Decimal())
    seconds = (billed * size / asked).quantize(Decimal("0.001"))
    return replace(
        usage,
        untimed=False,
        seconds=seconds,
        least_seconds=seconds,
        attempts=len(attempts_ms) * size // asked,
        sampled=asked if asked < size else 0,
    )
