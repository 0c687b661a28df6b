"""The sweep of runs whose events were lost. One that cannot be helped does not hold up others."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from provisioner.entrypoints.function import about, logger
from provisioner.entrypoints.metrics import Count
from provisioner.runs.model import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from provisioner.entrypoints.wiring import Runtime

ASKED_AFTER = timedelta(minutes=1)
"""Step Functions may not know an execution yet that was just started (DescribeExecution is
eventually consistent). Whatever is older is asked about at every sweep."""

OVERDUE_AFTER = timedelta(minutes=2)
"""What could have gone on for so long has lost its event."""

MOST_ASKED = 500
"""Executions that one sweep asks about, some 30 s long (DescribeExecution: 15 a second, 300 at
once). Which ones is drawn by lot when more are running, so that each has its turn."""

MOST_INDEXED = 1000
"""Rows of earlier versions that one sweep adds to the index of all runs, some 10 s long."""

MOST_OF_A_JOB = 100
"""QUEUED runs of a job that one sweep looks at, the oldest."""


def complete_ended_runs(runtime: Runtime, now: datetime, limit: int = MOST_ASKED) -> int:
    """Complete the runs that are RUNNING by their rows and have ended all the same."""
    running = list(runtime.triggers.open(RunStatus.RUNNING, until=now - ASKED_AFTER))
    if len(running) > limit:
        running = runtime.chance.sample(running, limit)
    return sum(
        _done(runtime, run.job_name, partial(runtime.run_control.complete_ended, run))
        for run in running
    )


def start_waiting_runs(runtime: Runtime, now: datetime) -> int:
    """Start waiting runs for which the lock was released unnoticed."""
    queued: dict[str, list[str]] = {}
    for run in runtime.triggers.open(RunStatus.QUEUED, until=now - OVERDUE_AFTER):
        waiting = queued.setdefault(run.job_name, [])
        if len(waiting) < MOST_OF_A_JOB:
            waiting.append(run.trigger_id)
    return sum(
        _done(runtime, name, partial(_recovered, runtime, name, ids))
        for name, ids in queued.items()
    )


def stop_overdue_machines(runtime: Runtime, now: datetime) -> int:
    """Terminate machines that have outlived their run, although they were to end by themselves."""
    return runtime.machines.stop_overdue(now - OVERDUE_AFTER)


def index_earlier_runs(runtime: Runtime, now: datetime) -> int:
    """Add the runs of earlier versions to the index of all runs, a part in each sweep."""
    return runtime.run_list.backfill(MOST_INDEXED, now)


def _recovered(runtime: Runtime, job_name: str, queued: Iterable[str]) -> bool:
    return runtime.run_control.recover(job_name, queued) is not None


def unpark_messages(runtime: Runtime, now: datetime) -> int:
    """Unpark messages for slots that were released, or lost, unnoticed."""
    waiting = runtime.message_runs.jobs_with_parked_messages(now - OVERDUE_AFTER)
    return sum(
        _done(runtime, name, partial(runtime.message_runs.recover, name)) for name in waiting
    )


def _done(runtime: Runtime, job_name: str, step: Callable[[], int]) -> int:
    """Return what a step did for one job, 0 when it failed: the next sweep tries again."""
    with about(runtime, job_name):
        try:
            return step()
        except Exception:
            logger.exception("sweeping a run failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            return 0
