"""A job's schedule: its next times, its last runs, why it does not run; resuming it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError, PermanentError
from provisioner.jobs import InvalidRow
from provisioner.jobs.planned_schedules import ScheduledTime, scheduled_times_of
from provisioner.runs.model import Pause, iso
from provisioner.service import edits, job_detail
from provisioner.service.audit import recorded
from provisioner.service.edits import Intent
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from provisioner.aws.items import Item
    from provisioner.jobs import Job
    from provisioner.service.context import Service
    from provisioner.service.job_detail import JobState

LAST_RUNS = 10


class ScheduleState(StrEnum):
    """Whether a schedule starts runs."""

    ON = "on"
    OFF = "off"
    """By its row; `schedule_note` there says why."""
    PAUSED = "paused"
    """After failures: its runs are SKIPPED until it is resumed."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a job's schedule starts after the time `now`.

    Attributes
    ----------
    next
        The next scheduled times, as if the schedule were on.
    pause
        Since when and why it is paused after failures; None when it is not.
    missed
        How many scheduled times could not start a run, since the job exists.
    """

    job: Job
    now: datetime
    next: Sequence[ScheduledTime]
    pause: Pause | None
    missed: int

    @property
    def state(self) -> ScheduleState:
        """Whether the schedule starts runs now."""
        if not self.job.schedule_enabled:
            return ScheduleState.OFF
        return ScheduleState.PAUSED if self.pause else ScheduleState.ON


@dataclass(frozen=True, slots=True)
class ScheduleView(Planned):
    """The same, and the last ten scheduled runs, newest first."""

    runs: Sequence[Item]


def scheduled_job(service: Service, job_name: str) -> Job:
    """Return a job that has a schedule.

    Raises
    ------
    NotFoundError
        If it has no row.
    PermanentError
        If the row is INVALID, or has no schedule.
    """
    return _scheduled(service, job_name, service.existing_row(job_name))


def _scheduled(service: Service, job_name: str, row: Item) -> Job:
    job = service.job(row)
    if isinstance(job, InvalidRow):
        message = f'the row of {job_name} is INVALID; see "provisioner get {job_name}"'
        raise PermanentError(message)
    if not job.schedule:
        message = f"{job_name} has no schedule"
        raise PermanentError(message)
    return job


def view(service: Service, job_name: str, count: int) -> ScheduleView:
    """Return a job's schedule, with its next `count` scheduled times."""
    found = job_detail.state(service, job_name)
    if found.row is None:
        raise service.unknown(job_name)
    plan = plan_of(service, found, found.row, count)
    runs = service.triggers.scheduled(job_name, LAST_RUNS)
    return ScheduleView(plan.job, plan.now, plan.next, plan.pause, plan.missed, runs)


def plan_of(service: Service, found: JobState, row: Item, count: int) -> Planned:
    """Return what the schedule of a job starts that was read, without a request.

    Raises
    ------
    PermanentError
        If the row is INVALID, or has no schedule.
    """
    job = _scheduled(service, found.job_name, row)
    now, pause = service.clock(), found.pause if job.pause_on_failures else None
    return Planned(
        job,
        now,
        next=list(islice(scheduled_times(job, now), count)),
        pause=pause if pause and pause.paused else None,
        missed=found.record.missed_schedules if found.record else 0,
    )


def scheduled_times(job: Job, after: datetime) -> Iterator[ScheduledTime]:
    """Return the scheduled times of all of a job's schedules later than `after`, in order."""
    each = (scheduled_times_of(job, index, after) for index in range(len(job.schedule)))
    return iter(heapq.merge(*each))


def resume(service: Service, job_name: str) -> Pause | None:
    """Resume a schedule that was paused after failures; return the pause, None without one.

    Failures before now do not count again.
    """
    service.existing_row(job_name)
    pause = service.triggers.pause(job_name)
    if pause is None or not pause.paused:
        return None
    now = iso(service.clock())
    resumed = Pause(paused=False, since=now, note=f"by {service.caller().label}")
    with recorded(service, Action.RESUME_SCHEDULE, job_name, detail=f"was paused: {pause.note}"):
        service.triggers.set_pause(job_name, resumed)
    return pause


def pause(service: Service, job_name: str, note: str) -> None:
    """Turn a job's schedule off in its row, with a note for who wonders why.

    Raises
    ------
    InvalidRequestError
        If there is no note, or it is too long for a row.
    StaleError
        If somebody changes the row at the same time.
    """
    if not note.strip():
        message = "give a reason: the note is shown beside the schedule"
        raise InvalidRequestError(message)
    scheduled_job(service, job_name)
    off = {"schedule_enabled": False, "schedule_note": note.strip()}
    _change(service, job_name, off, Intent(Action.PAUSE_SCHEDULE, note.strip()))


def turn_on(service: Service, job_name: str) -> None:
    """Let a job's schedule start runs, whatever keeps it: its row, or a pause after failures.

    Raises
    ------
    StaleError
        If somebody changes the row at the same time.
    """
    if not scheduled_job(service, job_name).schedule_enabled:
        on = {"schedule_enabled": None, "schedule_note": None}
        _change(service, job_name, on, Intent(Action.RESUME_SCHEDULE))
    resume(service, job_name)


def _change(service: Service, job_name: str, changes: Item, intent: Intent) -> None:
    etag = edits.row_of(service, job_name).etag
    edits.patch(service, job_name, changes, etag, intent=intent)


def iso_seconds(moment: datetime) -> str:
    """Return a time in UTC as `2026-11-21T06:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
