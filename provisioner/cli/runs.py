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
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the last runs of a job, newest first."""
    with session(stack) as service:
        found = latest(service, job, count)
    if output is not Format.TABLE:
        documents.show(found, output)
    elif found:
        stdout().print(runs_table(found))
    else:
        hint(f"{job} has not run yet.")


def runs_table(found: Iterable[Item]) -> Table:
    """Return runs as a table."""
    listed = table(
        *("STARTED", "STATUS", "TOOK", "USD", "TYPE", "SOURCE", "RUN"),
        keep=("STARTED", "STATUS", "TOOK", "USD"),
    )
    for run in found:
        listed.add_row(
            Text(ago(run.get("started_at"))),
            status(str(run.get("status", "-"))),
            Text(duration(run.get("duration_ms"))),
            Text(usd(run.get("estimated_cost"), run.get("estimated_cost_from"))),
            Text(str(run.get("type", "-"))),
            Text(str(run.get("source", "-"))),
            Text(execution_name(run)),
        )
        if run.get("status") == RunStatus.RUNNING and (pending := run.get("pending_reason")):
            listed.add_row("", Text("└", "dim"), "", "", "", Text(str(pending), "yellow"))
        if why := reason(run):
            listed.add_row("", Text("└", "dim"), "", "", "", "", Text(why, "red"))
    return listed
