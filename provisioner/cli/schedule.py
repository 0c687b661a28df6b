"""`provisioner schedule`: when a job runs next, and how its last scheduled runs went."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

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
from provisioner.cli.session import session
from provisioner.jobs.zones import zone
from provisioner.runs.model import RunStatus
from provisioner.service.runs import execution_name, reason
from provisioner.service.schedule import ScheduleState, ScheduleView, iso_seconds, view

app = one_command()


@app.command()
def schedule(
    job: JobArgument,
    *,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1000, help="How many scheduled times.")
    ] = 10,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show when a job's schedule runs next, and how its last scheduled runs went."""
    with session(stack) as service:
        found = view(service, job, count)
    if output is Format.TABLE:
        _show(found)
    else:
        documents.show(_document(found), output)


def local_time(moment: datetime, timezone: str) -> str:
    """Return a time of a zone as `Sat 2026-11-21 06:00 +01:00`."""
    local = moment.astimezone(zone(timezone))
    offset = local.isoformat(timespec="seconds")[19:].replace("+00:00", "")
    return f"{local:%a %Y-%m-%d %H:%M} {offset}".rstrip()


def _show(found: ScheduleView) -> None:
    job = found.job
    state = Text(found.state, "green" if found.state is ScheduleState.ON else "yellow")
    _line(Text.assemble((job.job_name, "bold"), "  ", state, "  ", (job.timezone, "dim")))
    for expression in job.schedule:
        _line(Text(f"  {expression}"))
    if job.schedule_note:
        _line(Text(f"Note: {job.schedule_note}"))
    if found.pause:
        since = f"{ago(found.pause.since)}: {found.pause.note}"
        _line(Text(f"Paused {since}; scheduled runs are SKIPPED", "yellow"))
        hint(f'Resume it with "provisioner resume {job.job_name}".')
    if_on = "" if job.schedule_enabled else ", if it were on"
    _line(Text(f"\nNext scheduled times{if_on}", "bold"))
    _show_next(found)
    _line(Text("\nLast scheduled runs", "bold"))
    _show_runs(found)


def _show_next(found: ScheduleView) -> None:
    job = found.job
    is_local = job.timezone != "UTC"
    times = (job.timezone, "UTC") if is_local else ("UTC",)
    listed = table(*times, "IN", "SCHEDULE", keep=(*times, "IN"))
    for time in found.next:
        listed.add_row(
            *([Text(local_time(time.at, job.timezone))] if is_local else []),
            Text(iso_seconds(time.at)),
            Text(span(time.at - found.now)),
            Text(job.schedule[time.index], "dim"),
        )
    if listed.row_count:
        stdout().print(listed)
    if not found.next:
        ended = f": the schedule ended at {job.schedule_end}" if job.schedule_end else ""
        _line(Text(f"none{ended}", "dim"))


def _show_runs(found: ScheduleView) -> None:
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


def _counts(found: ScheduleView) -> Mapping[str, int]:
    statuses = [run.get("status") for run in found.runs]
    return {
        "running": statuses.count(RunStatus.RUNNING),
        "queued": statuses.count(RunStatus.QUEUED),
        "skipped": statuses.count(RunStatus.SKIPPED),
        "missed in all": found.missed,
    }


def _document(found: ScheduleView) -> documents.Document:
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
                "at": iso_seconds(time.at),
                "local": time.at.astimezone(zone(job.timezone)).isoformat(),
                "schedule": job.schedule[time.index],
            }
            for time in found.next
        ],
        "runs": list(found.runs),
        "missed_schedules": found.missed,
    }


def _line(text: Text) -> None:
    stdout().print(text, soft_wrap=True)
