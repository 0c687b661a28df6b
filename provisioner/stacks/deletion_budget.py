"""How many stacks may begin to be deleted within ten minutes because their rows are gone. Pure.

A script that empties the Jobs table, or a restore from before, removes rows by mistake.
What a person deletes one by one is never held.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOW = timedelta(minutes=10)
"""Within which deletions count together."""

EVERYTHING = 100
"""The percentage at which no deletion is held, nor counted."""

HELD = (
    "So many rows were removed at once that it may be a mistake. Put the row back, or confirm "
    'with "provisioner confirm-deletions".'
)


@dataclass(frozen=True, slots=True)
class Budget:
    """So many jobs, or that percentage of all when it is more, may go within the window."""

    jobs: int
    percent: int

    def of(self, all_jobs: int) -> int:
        """Return how many jobs that are."""
        return max(self.jobs, all_jobs * self.percent // 100)


@dataclass(frozen=True, slots=True)
class Deletions:
    """Which deletions began when, and how many jobs the last daily check found."""

    begun: Mapping[str, datetime] = field(default_factory=dict)
    all_jobs: int = 0


def spend(
    deletions: Deletions, job_name: str, budget: Budget, now: datetime
) -> tuple[Deletions, bool]:
    """Tell whether a deletion may begin, and note that it does; the same one counts once."""
    if budget.percent >= EVERYTHING:  # however few jobs were counted yet
        return deletions, True
    if job_name in deletions.begun and abs(now - deletions.begun[job_name]) < WINDOW:
        return deletions, True
    begun = {name: at for name, at in deletions.begun.items() if abs(now - at) < WINDOW}
    if len(begun) >= budget.of(deletions.all_jobs):
        return deletions, False
    return replace(deletions, begun={**begun, job_name: now}), True
