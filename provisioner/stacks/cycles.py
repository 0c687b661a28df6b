"""A job that depends on itself in the end could never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.jobs import FieldError, InvalidRow

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.stacks.ports import Jobs

MAX_CHAIN = 200
"""Jobs that are searched for a cycle: a person could not follow a longer chain."""

_ROWS_AT_ONCE = 5
"""Rows of others that are held in memory together, beside those of the jobs that are reconciled."""


def without_cycle(job: Job, rows: Jobs) -> Job | InvalidRow:
    """Return the job, unless it depends on itself in the end; then name the cycle.

    Rows are read level by level. One that is not there, or whose `depends_on` is not valid, leads
    no further.
    """
    ways: dict[str, tuple[str, ...]] = {name: (job.job_name, name) for name in job.depends_on}
    ahead = list(ways)
    while ahead:
        needs = _needs(ahead, rows)
        following: list[str] = []
        for name in ahead:
            for other in needs.get(name, ()):
                if other == job.job_name:
                    cycle = " → ".join((*ways[name], other))
                    return _refused(job, f"is a dependency cycle: {cycle}")
                if other not in ways:
                    ways[other] = (*ways[name], other)
                    following.append(other)
        if len(ways) > MAX_CHAIN:
            return _refused(job, f"makes more than {MAX_CHAIN} jobs come before this one")
        ahead = following
    return job


def _needs(names: list[str], rows: Jobs) -> dict[str, tuple[str, ...]]:
    """Return what each job depends on."""
    needs: dict[str, tuple[str, ...]] = {}
    for first in range(0, len(names), _ROWS_AT_ONCE):
        found = rows.get_many(names[first : first + _ROWS_AT_ONCE])
        needs |= {name: jobs.dependencies_of(row) for name, row in found.items()}
    return needs


def _refused(job: Job, why: str) -> InvalidRow:
    return InvalidRow(job.job_name, (FieldError("depends_on", why),))
