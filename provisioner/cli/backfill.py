"""`provisioner backfill`: the runs for scheduled times that have passed, in order."""

import time
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli.display import hint, stdout, table
from provisioner.cli.exits import StillGoingError
from provisioner.cli.options import (
    DEFAULT_STACK,
    OVERLAP_HELP,
    JobArgument,
    OverlapOption,
    StackOption,
    one_command,
    seconds_of,
)
from provisioner.cli.schedule import local_time
from provisioner.cli.session import session
from provisioner.plain_text import counted
from provisioner.service.backfill import Backfill, NotAdmitted, RunStarted, plan, start
from provisioner.service.context import Service
from provisioner.service.schedule import iso_seconds

app = one_command()

_POLL_SECONDS = 0.2


@app.command()
def backfill(
    job: JobArgument,
    *,
    first: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help="The first scheduled time."),
    ],
    end: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Only scheduled times before this one.")
    ],
    overlap: Annotated[
        OverlapOption, typer.Option("--overlap", metavar="POLICY", help=f"{OVERLAP_HELP}.")
    ] = OverlapOption.QUEUE_ALL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs, and start none.")
    ] = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="DURATION", help="How long a run may take to get its row."
        ),
    ] = "1m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Start one run for each scheduled time, in a period that has passed.

    This includes times at which the schedule was off, or did not exist yet. Each run is admitted
    before the next one is started, so they run in order and, by default, one after another. The
    same command again starts nothing twice. TIME is ISO 8601, like 2026-11-01 or
    2026-11-01T06:00, in the job's time zone.
    """
    timeout_seconds = seconds_of(timeout)
    with session(stack) as service:
        wanted = plan(service, job, first, end, overlap)
        new = {} if dry_run else _start_all(service, wanted, timeout_seconds)
    if wanted.runs:
        _show(wanted, new)
    count = len(wanted.runs)
    if dry_run:
        hint(f"This would start {counted(count, 'run')}, unless they were started before.")
    else:
        hint(f"Started {sum(new.values())} of {counted(count, 'run')}.")


def _start_all(service: Service, backfill: Backfill, timeout_seconds: float) -> Mapping[str, bool]:
    """Start the runs of a backfill; return the name of each, and whether it was started now.

    Raises
    ------
    StillGoingError
        If a run is not admitted within `timeout_seconds`.
    """
    new: dict[str, bool] = {}
    waits_until = 0.0
    for step in start(service, backfill):
        match step:
            case RunStarted(run, is_new):
                new[run.name] = is_new
                waits_until = time.monotonic() + timeout_seconds
            case NotAdmitted(run):
                if time.monotonic() >= waits_until:
                    message = (
                        f"{run.name} has not begun yet; the same command again starts the runs "
                        "after it"
                    )
                    raise StillGoingError(message)
                time.sleep(_POLL_SECONDS)
    return new


def _show(backfill: Backfill, new: Mapping[str, bool]) -> None:
    words = {True: "started", False: "was started before"}
    timezone = backfill.job.timezone
    listed = table("FOR", timezone, "RUN", "", keep=("FOR", timezone))
    for run in backfill.runs:
        listed.add_row(
            Text(iso_seconds(run.scheduled_for)),
            Text(local_time(run.scheduled_for, timezone)),
            Text(run.name),
            Text(words[new[run.name]] if run.name in new else "", "dim"),
        )
    stdout().print(listed)
