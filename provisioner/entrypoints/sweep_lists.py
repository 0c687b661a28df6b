"""The sweep of what lists show: jobs of earlier versions, and what was missed of their runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.entrypoints.function import about, logger
from provisioner.entrypoints.metrics import Count
from provisioner.errors import DeniedError, TemporaryError
from provisioner.jobs import guarded
from provisioner.jobs.row_summary import summary_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from provisioner.aws.items import Item
    from provisioner.entrypoints.wiring import Runtime
    from provisioner.stacks.model import StackRecord

MOST_LISTED = 100
"""Rows of the Stacks table that one sweep looks at, some 10 s long."""

MOST_A_DAY = 2_000
"""Jobs that the daily check lists, and whose runs it counts again, some minutes long in all:
with all those of a large bootstrap it would time out, and never come to the last of them."""


def some(runtime: Runtime, job_names: Iterable[str], limit: int = MOST_A_DAY) -> list[str]:
    """Return the jobs, drawn by lot when there are more, so that each has its turn."""
    names = list(job_names)
    return runtime.chance.sample(names, limit) if len(names) > limit else names


def list_earlier_jobs(runtime: Runtime, now: datetime, limit: int = MOST_LISTED) -> int:
    """Add the jobs of earlier versions to the index of all jobs, a part in each sweep.

    What was done is noted when it is written, so a part that was cut off is done again.
    """
    progress = runtime.jobs_backfill
    if progress.is_done() or not progress.may_begin(now):
        return 0
    unlisted, after = runtime.stacks.unlisted(progress.after("job_name"), limit)
    count = list_jobs(runtime, unlisted)
    progress.note(after, now)
    return count


def list_jobs(runtime: Runtime, records: Sequence[StackRecord]) -> int:
    """Add rows to the index of all jobs, unless something else has written them in the meantime."""
    by_name = {record.job_name: record for record in records}
    count = 0
    for names in guarded.few(by_name):
        rows = runtime.jobs.get_many(names)
        count += sum(_list_job(runtime, by_name[name], rows.get(name)) for name in names)
        count_runs_again(runtime, names)
    return count


def _list_job(runtime: Runtime, record: StackRecord, row: Item | None) -> bool:
    """Add one row; what would fail again is left to the job's next reconcile."""
    with about(runtime, record.job_name):
        try:
            summary = None
            if row is not None:
                parsed = guarded.parse(row, runtime.settings.platform.allowed)
                summary = summary_of(row, parsed)
            return runtime.stacks.add_to_list(replace(record, row=summary))
        except (TemporaryError, DeniedError):  # which would be so for each
            raise
        except Exception:
            logger.exception("adding a job to the index failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            return False


def count_runs_again(runtime: Runtime, job_names: Iterable[str]) -> int:
    """Make what lists show of jobs' runs again from the runs; return how many were not right."""
    return sum(_count_again(runtime, name) for name in job_names)


def _count_again(runtime: Runtime, job_name: str) -> bool:
    with about(runtime, job_name):
        try:
            return runtime.recent_runs.count_again(job_name)
        except Exception:
            logger.exception("counting a job's last runs failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            return False
