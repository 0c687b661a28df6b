"""Runs for scheduled times that have passed, in their order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError
from provisioner.jobs.errors import InvalidValueError
from provisioner.jobs.payload import RESERVED
from provisioner.jobs.zones import instant
from provisioner.plain_text import counted
from provisioner.runs.model import MAX_WAITING
from provisioner.service.audit import recorded
from provisioner.service.rights import Action
from provisioner.service.schedule import iso_seconds, scheduled_job, scheduled_times
from provisioner.service.start_run import run_metadata, start_execution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provisioner.aws.executions import Started
    from provisioner.jobs import Job
    from provisioner.jobs.planned_schedules import ScheduledTime
    from provisioner.service.context import Service

MAX_RUNS = MAX_WAITING
"""More could not wait for one another."""

_SIDE_BY_SIDE = "allow"


@dataclass(frozen=True, slots=True)
class BackfillRun:
    """A run that a backfill starts: for which scheduled time, and its execution's name."""

    scheduled_for: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Backfill:
    """The runs that a backfill of a job consists of, in order."""

    job: Job
    overlap: str
    runs: Sequence[BackfillRun]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run of the backfill exists; `is_new` when this call started it."""

    run: BackfillRun
    is_new: bool


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """The last run that was started has no row yet: the next one waits for that."""

    run: BackfillRun


def plan(service: Service, job_name: str, start: str, end: str, overlap: str) -> Backfill:
    """Return the runs for a job's scheduled times from `start` on and before `end`.

    Parameters
    ----------
    start, end
        ISO 8601, in the job's time zone unless they have an offset.
    overlap
        What each run does if another one has not ended.

    Raises
    ------
    InvalidRequestError
        If the times are not valid, are not in the past, or are too many.
    """
    job = scheduled_job(service, job_name)
    window = _instant(start, job), _instant(end, job)
    times = _times(job, *window, now=service.clock())
    return Backfill(
        job, overlap, [BackfillRun(t.at, _name(job, t, window, overlap)) for t in times]
    )


def start(service: Service, backfill: Backfill) -> Iterator[RunStarted | NotAdmitted]:
    """Start the runs of a backfill one after another.

    Runs queue in the order of their rows. Which of two workflows is admitted first is up to chance
    unless the first has its row before the second is started, so this yields `NotAdmitted` until it
    has; the caller decides how long to wait before it continues. The same backfill again starts
    nothing twice.
    """
    job_name = backfill.job.job_name
    machine = service.output_of(job_name, "StateMachineArn")
    metadata = run_metadata(service, "backfill") | {"overlap": backfill.overlap}
    in_order = backfill.overlap != _SIDE_BY_SIDE
    with recorded(service, Action.BACKFILL, job_name, detail=_span(backfill)):
        before: tuple[BackfillRun, Started] | None = None
        for run in backfill.runs:
            while (
                in_order and before is not None and not _is_admitted(service, job_name, before[1])
            ):
                yield NotAdmitted(before[0])
            given = {RESERVED: metadata | {"scheduled_for": iso_seconds(run.scheduled_for)}}
            started = service.executions.started(machine, run.name) or start_execution(
                service, job_name, machine, run.name, given
            )
            before = run, started
            yield RunStarted(run, started.is_new)


def _span(backfill: Backfill) -> str:
    times = [iso_seconds(run.scheduled_for) for run in backfill.runs]
    return f"{counted(len(times), 'run')} for {times[0]} to {times[-1]}" if times else "no runs"


def _is_admitted(service: Service, job_name: str, started: Started) -> bool:
    """Tell whether a run was admitted, queued or refused: in each case it has a row."""
    name = started.arn.rpartition(":")[2]
    return (
        not started.is_new or service.triggers.find(job_name, name, started.started_at) is not None
    )


def _instant(text: str, job: Job) -> datetime:
    try:
        return datetime.fromisoformat(instant(text, job.timezone))
    except InvalidValueError as error:
        raise InvalidRequestError(f"{text}: {error}") from error


def _times(job: Job, start: datetime, end: datetime, *, now: datetime) -> list[ScheduledTime]:
    if end <= start:
        raise InvalidRequestError("the end must be after the start")
    if end > now:
        raise InvalidRequestError(
            "the end is in the future: those runs are started by the schedule itself"
        )
    found = []
    for time in scheduled_times(job, start - timedelta(microseconds=1)):
        if time.at >= end:
            break
        found.append(time)
        if len(found) > MAX_RUNS:
            message = f"there are more than {MAX_RUNS} scheduled times: choose a shorter period"
            raise InvalidRequestError(message)
    return found


def _name(job: Job, time: ScheduledTime, window: Sequence[datetime], overlap: str) -> str:
    """Return the name of the one execution that this backfill has for a scheduled time."""
    asked = "/".join((job.job_name, job.schedule[time.index], *map(str, window), overlap))
    digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return f"backfill-{time.at:%Y%m%dT%H%M%SZ}-{digest}"
