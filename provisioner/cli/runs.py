"""`provisioner runs`: the last runs of a job, or of all jobs."""

from collections.abc import Iterable
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
    one_command,
    time_before,
)
from provisioner.cli.session import session
from provisioner.runs.model import RunStatus
from provisioner.runs.remedies import what_to_do
from provisioner.service.all_runs import newest
from provisioner.service.context import Item, Service
from provisioner.service.jobs import tagged
from provisioner.service.overview import MOST_RUNS
from provisioner.service.run_search import OPEN
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
            metavar="DURATION",
            show_default=False,
            help="Only the last 90s, 10m, 2h, 7d, ... Default for all jobs: 1d.",
        ),
    ] = None,
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
        found = _found(service, job, count, since, only, tag)
    if output is not Format.TABLE:
        documents.show(found, output)
    elif found:
        stdout().print(runs_table(found, wide=wide) if job else all_runs_table(found))
        if job and (to_do := what_to_do(found[0].get("error"), found[0].get("cause"))):
            hint(f"What to do about the newest one: {to_do}")
    elif job:
        hint(f"{job} has no such run." if only or since else f"{job} has not run yet.")
    else:
        hint(f"No such run since {since or '1d'} ago; go further back with --since 30d.")


def _found(
    service: Service,
    job: str | None,
    count: int,
    since: str | None,
    only: RunStatus | None,
    tag: str | None,
) -> list[Item]:
    if job is not None:
        first = None if since is None else time_before(service.clock(), since)
        return latest(service, job, count, since=first, status=only)
    if since is None and only in OPEN:
        jobs = tagged(service, tag)
        open_runs = service.triggers.open_runs(only, MOST_RUNS).runs
        return [run for run in open_runs if jobs is None or run["job_name"] in jobs][:count]
    first = time_before(service.clock(), since or "1d")
    return newest(service, count, since=first, status=only, jobs=tagged(service, tag))


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
