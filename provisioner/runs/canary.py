"""The run that shows that a new deployment does not work. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.runs.keys import Field
from provisioner.runs.model import RunStatus, iso
from provisioner.runs.pausing import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

LOOKED_THROUGH = 300
"""The last runs of a job, among which those that decide are looked for."""


def first_failure(
    runs: Iterable[Mapping[str, Any]], since: datetime, count: int
) -> Mapping[str, Any] | None:
    """Return the first run that failed among those that decide, None if none of them did.

    These are the first to have ended of the runs that came about after the deployment was there.
    They are told by their rows, so it changes nothing in which order and how often their ends
    become known. Runs that were stopped or skipped say nothing about the job.

    Parameters
    ----------
    runs
        Rows of runs, in any order.
    since
        When the deployment was first seen to be there.
    count
        How many decide.
    """
    ended = _deciding(runs, since, count)
    return next((run for run in ended if run[Field.STATUS] != RunStatus.SUCCEEDED), None)


def passed_by(
    runs: Iterable[Mapping[str, Any]], since: datetime, count: int
) -> Mapping[str, Any] | None:
    """Return the last of the runs that decide if all have succeeded, None if not or not yet."""
    ended = _deciding(runs, since, count)
    have_succeeded = all(run[Field.STATUS] == RunStatus.SUCCEEDED for run in ended)
    return ended[-1] if have_succeeded and len(ended) == count else None


def _deciding(
    runs: Iterable[Mapping[str, Any]], since: datetime, count: int
) -> list[Mapping[str, Any]]:
    ended = [
        run
        for run in runs
        if run.get(Field.STATUS) in COUNTED and str(run[Field.TRIGGER_ID]) > iso(since)
    ]
    ended.sort(key=lambda run: (str(run.get(Field.ENDED_AT) or ""), str(run[Field.TRIGGER_ID])))
    return ended[:count]
