"""`provisioner runs`: the last runs of a job, or of all jobs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import ago, duration, hint, status, stdout, table, usd
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    StackOption,
    UntilOption,
    one_command,
    time_at,
    usage_errors,
)
from provisioner.cli.session import session
from provisioner.runs.listing import EVERY, RunsWanted
from provisioner.runs.model import RunStatus
from provisioner.runs.remedies import what_to_do
from provisioner.service.all_runs import newest
from provisioner.service.context import Item, Service
from provisioner.service.jobs import tagged
from provisioner.service.overview import MOST_RUNS
from provisioner.service.run_lines import line_of
from provisioner.service.run_search import OPEN, RunFilter, fits, require_span
from provisioner.service.runs import execution_name, latest, reason

app = one_command()


@app.command()
def runs(  # noqa: PLR0913  (each is an option)
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="[JOB]", show_default=False, help="Name of the job. Default: all jobs."
        ),
    ] = None,
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 10,
    wide: Annotated[
        bool,
        typer.Option(
            "--wide", "-w", help="Show what capacity runs had, and where their time went."
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            show_default=False,
            help="Only since 90s, 10m, 2h, 7d ago, or a time. Default for all jobs: 1d.",
        ),
    ] = None,
    until: UntilOption = None,
    only: Annotated[
        RunStatus | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            case_sensitive=False,
            show_default=False,
            help="Only QUEUED, RUNNING, SUCCEEDED, FAILED, TIMED_OUT, STOPPED or SKIPPED runs.",
        ),
    ] = None,
    started_by: Annotated[
        str | None,
        typer.Option(
            "--started-by",
            metavar="NAME",
            show_default=False,
            help="Only runs that somebody started whose name contains this.",
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag",
            metavar="NAME[=VALUE]",
            show_default=False,
            help="Only runs of jobs with this tag. Not together with JOB.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the last runs of a job, or of all jobs, newest first."""
    if wide and job is None:
        message = "needs the name of a job: the list of all runs does not have these details"
        raise typer.BadParameter(message, param_hint="--wide")
    if tag is not None and job is not None:
        message = "filters the runs of all jobs: leave out the job"
        raise typer.BadParameter(message, param_hint="--tag")
    with session(stack) as service:
        which = _wanted(service, since, until, only, started_by)
        found = _found(service, job, count, which, tag)
    if output is not Format.TABLE:
        documents.show(found, output)
    elif found:
        stdout().print(runs_table(found, wide=wide) if job else all_runs_table(found))
        if job and (to_do := what_to_do(found[0].get("error"), found[0].get("cause"))):
            hint(f"What to do about the newest one: {to_do}")
    elif job:
        hint(f"{job} has no such run." if which != EVERY else f"{job} has not run yet.")
    elif since or until:
        hint("No such run in this time.")
    else:
        hint("No such run since a day ago; go further back with --since 30d.")


def _wanted(
    service: Service,
    since: str | None,
    until: str | None,
    only: RunStatus | None,
    started_by: str | None,
) -> RunsWanted:
    now = service.clock()
    first, last = (None if text is None else time_at(now, text) for text in (since, until))
    with usage_errors():
        require_span(first, last)
    return RunsWanted(first, last, only, started_by or None)


def _found(
    service: Service, job: str | None, count: int, which: RunsWanted, tag: str | None
) -> list[Item]:
    if job is not None:
        return latest(service, job, count, which)
    jobs = tagged(service, tag)
    if which.since or which.until:
        return newest(service, count, replace(which, jobs=jobs))
    if which.status in OPEN:
        wanted = RunFilter(status=which.status, started_by=which.started_by)
        found = service.triggers.open_runs(which.status, MOST_RUNS).runs
        return [run for run in found if fits(line_of(run), wanted, jobs)][:count]
    a_day_ago = service.clock() - timedelta(days=1)
    return newest(service, count, replace(which, since=a_day_ago, jobs=jobs))


def all_runs_table(found: Iterable[Item]) -> Table:
    """Return runs of all jobs as a table."""
    listed = table(
        *("STARTED", "JOB", "STATUS", "TOOK", "USD", "SOURCE", "RUN"),
        keep=("STARTED", "JOB", "STATUS", "TOOK"),
    )
    for run in found:
        listed.add_row(
            Text(ago(run.get("started_at"))),
            Text(str(run["job_name"])),
            status(str(run.get("status", "-"))),
            Text(duration(run.get("duration_ms"))),
            Text(usd(run.get("estimated_cost"), run.get("estimated_cost_from"))),
            Text(str(run.get("source", "-"))),
            Text(execution_name(run)),
        )
        if why := run.get("error_group", run.get("error")):
            listed.add_row("", "", Text("└", "dim"), "", "", "", Text(str(why), "red"))
    return listed


_PARTS = {"QUEUED": "queued_ms", "PULL": "pull_ms", "START": "start_ms", "RAN": "run_ms"}
"""Where the time of a container's last attempt went, in its order."""


def parts(run: Item) -> dict[str, str]:
    """Return what is known of a run's capacity and of where its time went, by names for people."""
    times = {name: run[field] for name, field in _PARTS.items() if field in run}
    shown = {name: duration(milliseconds) for name, milliseconds in times.items()}
    capacity = _capacity(run)
    return {**({"CAPACITY": capacity} if capacity else {}), **shown}


def _capacity(run: Item) -> str:
    said = [str(run[name]).replace("_", " ") for name in _CAPACITY if name in run]
    if interruptions := run.get("spot_interruptions"):
        said.append(f"{interruptions} interruption{'' if interruptions == 1 else 's'}")
    return ", ".join(said)


_CAPACITY = ("instance_type", "capacity_type")


def runs_table(found: Iterable[Item], *, wide: bool = False) -> Table:
    """Return runs as a table, `wide` with what `parts` says of each."""
    more = ("CAPACITY", *_PARTS) if wide else ()
    listed = table(
        *("STARTED", "STATUS", "TOOK", "USD", *more, "TYPE", "SOURCE", "RUN"),
        keep=("STARTED", "STATUS", "TOOK", "USD", *_PARTS),
    )
    between = ("",) * (3 + len(more))
    for run in found:
        known = parts(run)
        listed.add_row(
            Text(ago(run.get("started_at"))),
            status(str(run.get("status", "-"))),
            Text(duration(run.get("duration_ms"))),
            Text(usd(run.get("estimated_cost"), run.get("estimated_cost_from"))),
            *(Text(known.get(name, "-")) for name in more),
            Text(str(run.get("type", "-"))),
            Text(str(run.get("source", "-"))),
            Text(execution_name(run)),
        )
        if run.get("status") == RunStatus.RUNNING and (pending := run.get("pending_reason")):
            listed.add_row("", Text("└", "dim"), *between, "", Text(str(pending), "yellow"))
        if why := reason(run):
            listed.add_row("", Text("└", "dim"), *between, "", Text(why, "red"))
    return listed
