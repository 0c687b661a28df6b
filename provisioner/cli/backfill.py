"""`provisioner backfill`: the runs of a time that has passed, in its order."""

import hashlib
import heapq
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from provisioner.aws.executions import Started
from provisioner.cli import asking
from provisioner.cli.asking import MAX_BY_CHARACTERS
from provisioner.cli.display import hint, stdout, table
from provisioner.cli.exits import StillGoingError
from provisioner.cli.options import DEFAULT_STACK, JobArgument, Overlap, StackOption, one_command
from provisioner.cli.schedule import iso_seconds, job_of, local_time
from provisioner.cli.session import Session, session
from provisioner.jobs import Job
from provisioner.jobs.errors import InvalidValueError
from provisioner.jobs.payload import RESERVED
from provisioner.jobs.planned_schedules import ScheduledTime, scheduled_times_of
from provisioner.jobs.zones import instant
from provisioner.runs.model import MAX_WAITING

app = one_command()

MAX_TICKS = MAX_WAITING
"""More could not wait for one another."""

_STARTED = "started"

_ADMITTED_SECONDS = 60.0
"""A workflow takes a second or two to its admission, more when the table or the account is busy."""

_POLL_SECONDS = 0.2


@app.command()
def backfill(
    job: JobArgument,
    *,
    start: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help="The first tick, in the job's own time zone."),
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="No tick at or after this one.")],
    overlap: Annotated[
        Overlap, typer.Option("--overlap", help="If another run has not ended.")
    ] = Overlap.QUEUE_ALL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which runs these are, and start none.")
    ] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Start one run for each tick that a job's schedule has, or would have had, in a time gone by.

    Each is admitted before the next one is started, so they run in order and, by default, one after
    another. The same command again starts nothing twice. TIME is ISO 8601, like 2026-11-01 or
    2026-11-01T06:00.
    """
    with session(stack) as here:
        found = job_of(here, job)
        first, last = _instant(start, found), _instant(end, found)
        ticks = _ticks(found, first, last)
        names = {tick: _name(found, tick, (first, last), overlap) for tick in ticks}
        if dry_run or not ticks:
            became = dict.fromkeys(ticks, "")
        else:
            became = _start_all(here, job, names, overlap)
    listed = table("FOR", found.timezone, "RUN", "", keep=("FOR", found.timezone))
    for tick, name in names.items():
        listed.add_row(
            Text(iso_seconds(tick.at)),
            Text(local_time(tick.at, found.timezone)),
            Text(name),
            Text(became[tick], "dim"),
        )
    if ticks:
        stdout().print(listed)
    started = list(became.values()).count(_STARTED)
    hint(f"{started} of {len(ticks)} runs were started now.")


def _start_all(
    here: Session, job: str, names: Mapping[ScheduledTime, str], overlap: Overlap
) -> dict[ScheduledTime, str]:
    """Start the runs of all ticks, and tell what became of each.

    Those that queue do so by their rows, in the order of their starts. Which of two workflows is
    the first to ask for the lock is up to chance, unless the first has a row before the second is.
    """
    machine, by = here.output_of(job, "StateMachineArn"), here.caller_arn()[:MAX_BY_CHARACTERS]
    became: dict[ScheduledTime, str] = {}
    before: Started | None = None
    for tick, name in names.items():
        if before is not None and before.is_new and overlap is not Overlap.ALLOW:
            _wait_for_row(here, job, before)
        told = {
            "source": "backfill",
            "by": by,
            "scheduled_for": iso_seconds(tick.at),
            "overlap": overlap,
        }
        before = asking.start(here, job, machine, name, {RESERVED: told})
        became[tick] = _STARTED if before.is_new else "was started before"
    return became


def _wait_for_row(here: Session, job: str, started: Started) -> None:
    """Wait until a run was admitted, queued or refused: whichever it is, its row says so."""
    name = started.arn.rpartition(":")[2]
    until = time.monotonic() + _ADMITTED_SECONDS
    while here.triggers.find(job, name, started.started_at) is None:
        if time.monotonic() > until:
            message = f"{name} has not begun yet; the same command again starts those after it"
            raise StillGoingError(message)
        time.sleep(_POLL_SECONDS)


def _instant(text: str, job: Job) -> datetime:
    try:
        return datetime.fromisoformat(instant(text, job.timezone))
    except InvalidValueError as error:
        raise typer.BadParameter(f"{text}: {error}") from error


def _ticks(job: Job, start: datetime, end: datetime) -> Sequence[ScheduledTime]:
    if end <= start:
        raise typer.BadParameter("--to must be after --from")
    if end > datetime.now(UTC):
        raise typer.BadParameter("--to lies ahead: those ticks are the schedule's own")
    before = start - timedelta(microseconds=1)
    schedules = [scheduled_times_of(job, index, before) for index in range(len(job.schedule))]
    found = []
    for tick in heapq.merge(*schedules):
        if tick.at >= end:
            break
        found.append(tick)
        if len(found) > MAX_TICKS:
            message = f"there are more than {MAX_TICKS} ticks: take a shorter time"
            raise typer.BadParameter(message)
    return found


def _name(job: Job, tick: ScheduledTime, window: Sequence[datetime], overlap: Overlap) -> str:
    """Return the name of the one execution that this command makes of a tick."""
    asked = "/".join((job.job_name, job.schedule[tick.index], *map(str, window), overlap))
    digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return f"backfill-{tick.at:%Y%m%dT%H%M%SZ}-{digest}"
