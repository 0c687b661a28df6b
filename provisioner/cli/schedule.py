"""`provisioner schedule`: when a job runs next, and how its last scheduled runs went."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from provisioner.aws.items import Item
from provisioner.cli import documents
from provisioner.cli.display import ago, duration, hint, span, status, stdout, table
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    JobArgument,
    StackOption,
    one_command,
)
from provisioner.cli.runs import execution_name, reason
from provisioner.cli.session import Session, session
from provisioner.errors import PermanentError
from provisioner.jobs import InvalidRow, Job, guarded
from provisioner.jobs.planned_schedules import ScheduledTime, scheduled_times_of
from provisioner.jobs.zones import zone
from provisioner.runs.model import Pause, RunStatus

app = one_command()

LAST_RUNS = 10


@dataclass(frozen=True, slots=True)
class _Schedule:
    """A job's schedule at a time."""

    job: Job
    now: datetime
    next: Sequence[ScheduledTime]
    pause: Pause | None
    runs: Sequence[Item]
    missed_schedules: int


@app.command()
def schedule(
    job: JobArgument,
    *,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1000, help="How many of the next ticks.")
    ] = 10,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show when a job's schedule runs next, and how its last scheduled runs went."""
    with session(stack) as here:
        found = _look(here, job_of(here, job), count)
    if output is Format.TABLE:
        _show(found)
    else:
        documents.show(_document(found), output)


def job_of(here: Session, job_name: str) -> Job:
    """Return the job that a row describes.

    Raises
    ------
    NotFoundError
        If there is no such row.
    PermanentError
        If the row is INVALID, or has no schedule.
    """
    row = here.row(job_name)
    if row is None:
        raise here.unknown(job_name)
    job = here.permitted(guarded.parse(row))
    if isinstance(job, InvalidRow):
        message = f'the row of {job_name} is INVALID; see "provisioner get {job_name}"'
        raise PermanentError(message)
    if not job.schedule:
        message = f"{job_name} has no schedule"
        raise PermanentError(message)
    return job


def _look(here: Session, job: Job, count: int) -> _Schedule:
    now = datetime.now(UTC)
    runs = here.triggers.scheduled(job.job_name, LAST_RUNS)
    pause = here.triggers.pause(job.job_name) if job.pause_on_failures else None
    record = here.record(job.job_name)
    ahead = (scheduled_times_of(job, index, now) for index in range(len(job.schedule)))
    return _Schedule(
        job,
        now,
        next=list(islice(heapq.merge(*ahead), count)),
        pause=pause if pause and pause.paused else None,
        runs=runs,
        missed_schedules=record.missed_schedules if record else 0,
    )


def iso_seconds(moment: datetime) -> str:
    """Return a time in UTC as `2026-11-21T06:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def local_time(moment: datetime, timezone: str) -> str:
    """Return a time of a zone as `Sat 2026-11-21 06:00 +01:00`."""
    local = moment.astimezone(zone(timezone))
    offset = local.isoformat(timespec="seconds")[19:].replace("+00:00", "")
    return f"{local:%a %Y-%m-%d %H:%M} {offset}".rstrip()


def _show(found: _Schedule) -> None:
    job = found.job
    state = Text("on", "green") if job.schedule_enabled else Text("off", "yellow")
    if job.schedule_enabled and found.pause:
        state = Text("paused", "yellow")
    _line(Text.assemble((job.job_name, "bold"), "  ", state, "  ", (job.timezone, "dim")))
    for expression in job.schedule:
        _line(Text(f"  {expression}"))
    if job.schedule_note:
        _line(Text(f"Note: {job.schedule_note}"))
    if found.pause:
        since = f"{ago(found.pause.since)}: {found.pause.note}"
        _line(Text(f"Paused {since}; ticks are SKIPPED until it is resumed", "yellow"))
        hint(f'"provisioner resume {job.job_name}" lets it go on.')
    _line(Text("\nNext ticks" if job.schedule_enabled else "\nNext ticks, if it were on", "bold"))
    _show_next(found)
    _line(Text("\nLast scheduled runs", "bold"))
    _show_runs(found)


def _show_next(found: _Schedule) -> None:
    job = found.job
    listed = table(job.timezone, "UTC", "IN", "SCHEDULE", keep=(job.timezone, "UTC", "IN"))
    for tick in found.next:
        listed.add_row(
            Text(local_time(tick.at, job.timezone)),
            Text(iso_seconds(tick.at)),
            Text(span(tick.at - found.now)),
            Text(job.schedule[tick.index], "dim"),
        )
    if listed.row_count:
        stdout().print(listed)
    if not found.next:
        over = f": the schedule ended at {job.schedule_end}" if job.schedule_end else ""
        _line(Text(f"none any more{over}", "dim"))


def _show_runs(found: _Schedule) -> None:
    listed = table("FOR", "STATUS", "TOOK", "RUN", keep=("FOR", "STATUS", "TOOK"))
    for run in found.runs:
        listed.add_row(
            Text(str(run.get("scheduled_for", "-"))),
            status(str(run.get("status", "-"))),
            Text(duration(run.get("duration_ms"))),
            Text(execution_name(run)),
        )
        if why := reason(run):
            listed.add_row("", Text("└", "dim"), "", Text(why, "red"))
    if listed.row_count:
        stdout().print(listed)
    else:
        _line(Text("none", "dim"))
    counts = _counts(found)
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    if said:
        _line(Text(said, "dim"))


def _counts(found: _Schedule) -> Mapping[str, int]:
    statuses = [run.get("status") for run in found.runs]
    return {
        "running": statuses.count(RunStatus.RUNNING),
        "queued": statuses.count(RunStatus.QUEUED),
        "skipped": statuses.count(RunStatus.SKIPPED),
        "missed in all": found.missed_schedules,
    }


def _document(found: _Schedule) -> documents.Document:
    job = found.job
    return {
        "job_name": job.job_name,
        "schedule": list(job.schedule),
        "timezone": job.timezone,
        "schedule_enabled": job.schedule_enabled,
        "schedule_note": job.schedule_note or None,
        "paused": found.pause and {"since": found.pause.since, "note": found.pause.note},
        "next": [
            {
                "at": iso_seconds(tick.at),
                "local": tick.at.astimezone(zone(job.timezone)).isoformat(),
                "schedule": job.schedule[tick.index],
            }
            for tick in found.next
        ],
        "runs": list(found.runs),
        "missed_schedules": found.missed_schedules,
    }


def _line(text: Text) -> None:
    stdout().print(text, soft_wrap=True)
