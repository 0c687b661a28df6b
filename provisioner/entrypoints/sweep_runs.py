"""The sweep of runs: what no event told of them. One that cannot be helped holds up no other."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from provisioner.entrypoints.metrics import Count, count
from provisioner.entrypoints.running import control, message_runs
from provisioner.entrypoints.shared import logger
from provisioner.runs.model import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

ASKED_AFTER = timedelta(minutes=1)
"""Step Functions may not know an execution yet that was just started (DescribeExecution is
eventually consistent). Whatever is older is asked about at every sweep."""

OVERDUE_AFTER = timedelta(minutes=2)
"""What could have gone on for so long has lost its event."""

MOST_ASKED = 500
"""Executions that one sweep asks about, some 30 s long (DescribeExecution: 15 a second, 300 at
once). Which ones is drawn by lot when more are running, so that each has its turn."""

MOST_OF_A_JOB = 100
"""QUEUED runs of a job that one sweep looks at, the oldest."""


def complete_ended_runs(now: datetime) -> int:
    """Complete the runs that are RUNNING by their rows and have ended all the same."""
    running = list(control().runs.open(RunStatus.RUNNING, until=now - ASKED_AFTER))
    if len(running) > MOST_ASKED:
        running = random.sample(running, MOST_ASKED)
    return sum(_done(run.job_name, partial(control().complete_ended, run)) for run in running)


def start_waiting_runs(now: datetime) -> int:
    """Start waiting runs for which the lock was released unnoticed."""
    queued: dict[str, list[str]] = {}
    for run in control().runs.open(RunStatus.QUEUED, until=now - OVERDUE_AFTER):
        waiting = queued.setdefault(run.job_name, [])
        if len(waiting) < MOST_OF_A_JOB:
            waiting.append(run.trigger_id)
    return sum(_done(name, partial(_recovered, name, ids)) for name, ids in queued.items())


def _recovered(job_name: str, queued: Iterable[str]) -> bool:
    return control().recover(job_name, queued) is not None


def unpark_messages(now: datetime) -> int:
    """Unpark messages for slots that were released, or lost, unnoticed."""
    waiting = message_runs().jobs_with_parked_messages(now - OVERDUE_AFTER)
    return sum(_done(name, partial(message_runs().recover, name)) for name in waiting)


def _done(job_name: str, step: Callable[[], int]) -> int:
    """Return what a step did for one job, 0 when it failed: the sweep comes again."""
    with logger.append_context_keys(job_name=job_name):
        try:
            return step()
        except Exception:
            logger.exception("sweeping a run failed")
            count(Count.RECONCILE_ERRORS)
            return 0
