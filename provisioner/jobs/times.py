"""A job at a certain time: what of its schedule still lies ahead."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.jobs.model import Job


def as_of(job: Job, now: datetime) -> Job:
    """Return the job as its schedules can be made now.

    EventBridge Scheduler refuses a StartDate or an EndDate that has passed. A start that has passed
    means "from now on", and an end that has passed leaves no schedule.
    """
    changes: dict[str, object] = {}
    if job.schedule_start is not None and datetime.fromisoformat(job.schedule_start) <= now:
        changes["schedule_start"] = None
    if job.schedule_end is not None and datetime.fromisoformat(job.schedule_end) <= now:
        changes |= {"schedule": (), "schedule_end": None}
    return job.model_copy(update=changes) if changes else job
