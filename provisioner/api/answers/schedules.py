"""Schedules and backfills."""

from datetime import datetime
from typing import Literal

from provisioner.api.answers.model import Model, Name
from provisioner.api.answers.runs import Run


class Pause(Model):
    """Since when and why."""

    since: str
    note: str


class ScheduledTime(Model):
    """When one of the schedules fires."""

    at: datetime
    local: datetime
    schedule: Name


class Schedule(Model):
    """A job's schedule."""

    job_name: Name
    state: Literal["on", "off", "paused"]
    schedule: list[str]
    timezone: Name
    note: str | None
    pause: Pause | None
    next: list[ScheduledTime]
    runs: list[Run]
    missed: int


class Paused(Model):
    """Whether a schedule is paused now."""

    job_name: Name
    paused: bool
    dry_run: bool


class BackfillRun(Model):
    """A run for a scheduled time."""

    scheduled_for: datetime
    run: Name


class BackfillAnswer(Model):
    """All runs of a backfill; the first `started` exist. Repeat the request if some are left."""

    dry_run: bool
    runs: list[BackfillRun]
    started: int
    left: int
