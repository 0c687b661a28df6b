"""The run that shows that a new deployment does not work. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.runs.keys import Field
from provisioner.runs.model import RunStatus, iso
from provisioner.runs.pausing import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


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
    ended = [
        run
        for run in runs
        if run.get(Field.STATUS) in COUNTED and str(run[Field.TRIGGER_ID]) > iso(since)
    ]
    ended.sort(key=lambda run: (str(run.get(Field.ENDED_AT) or ""), str(run[Field.TRIGGER_ID])))
    return next(
        (run for run in ended[:count] if run[Field.STATUS] != RunStatus.SUCCEEDED),
        None,
    )
