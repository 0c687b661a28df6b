"""Pause a job's schedule when runs have failed in a row."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from provisioner.runs.model import Pause, RunStatus, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_FAILED = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT})
COUNTED = _FAILED | {RunStatus.SUCCEEDED}
"""Runs that were skipped or stopped say nothing about the job's health."""


def pause_after(
    failures: int, runs: Iterable[Mapping[str, object]], before: Pause | None, now: datetime
) -> Pause | None:
    """Return the pause that a job's last runs call for, None when the schedule is not paused.

    Parameters
    ----------
    failures
        How many in a row pause the schedule.
    runs
        Rows of runs, newest first.
    before
        The schedule's state. What failed before it was resumed does not count again.
    """
    if before is not None and before.paused:
        return None
    since = before.since if before else ""
    counted = (
        run["status"]
        for run in runs
        if run.get("status") in COUNTED and str(run["trigger_id"]) > since
    )
    ended = list(islice(counted, failures))
    if len(ended) < failures or not _FAILED.issuperset(ended):
        return None
    note = f"{failures} runs failed in a row" if failures > 1 else "a run failed"
    return Pause(paused=True, since=iso(now), note=note)
