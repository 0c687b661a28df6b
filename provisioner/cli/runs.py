"""`provisioner runs`: the last runs of a job."""

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
    JobArgument,
    StackOption,
    one_command,
)
from provisioner.cli.session import session
from provisioner.runs.model import RunStatus
from provisioner.service.context import Item
from provisioner.service.runs import execution_name, latest, reason

app = one_command()


@app.command()
def runs(
    job: JobArgument,
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 10,
    wide: Annotated[
        bool,
        typer.Option(
            "--wide", "-w", help="Show what capacity runs had, and where their time went."
        ),
    ] = False,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the last runs of a job, newest first."""
    with session(stack) as service:
        found = latest(service, job, count)
    if output is not Format.TABLE:
        documents.show(found, output)
    elif found:
        stdout().print(runs_table(found, wide=wide))
    else:
        hint(f"{job} has not run yet.")


_PARTS = {"QUEUED": "queued_ms", "PULL": "pull_ms", "START": "start_ms", "RAN": "run_ms"}
"""Where the time of a container's last attempt went, in its order."""


def parts(run: Item) -> dict[str, str]:
    """Return what is known of a run's capacity and of where its time went, by names for people."""
    times = {name: run[field] for name, field in _PARTS.items() if field in run}
    shown = {name: duration(milliseconds) for name, milliseconds in times.items()}
    return {**({"CAPACITY": _capacity(run)} if "capacity_type" in run else {}), **shown}


def _capacity(run: Item) -> str:
    kind = str(run["capacity_type"]).replace("_", " ")
    interruptions = run.get("spot_interruptions")
    times = "interruption" if interruptions == 1 else "interruptions"
    return f"{kind}, {interruptions} {times}" if interruptions else kind


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
