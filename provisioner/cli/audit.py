"""`provisioner audit`: who did what, and when."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import ago, hint, status, stdout, table
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    StackOption,
    UntilOption,
    one_command,
    time_at,
)
from provisioner.cli.session import session
from provisioner.service.audit import Entry, EntryFilter, Outcome, document, newest
from provisioner.service.rights import Action

app = one_command()


@app.command()
def audit(  # noqa: PLR0913  (each is one option)
    job: Annotated[
        str,
        typer.Argument(metavar="[JOB]", show_default=False, help="Only entries about this job."),
    ] = "",
    *,
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", show_default=False, help="Only of this run.")
    ] = "",
    action: Annotated[
        Action | None,
        typer.Option("--action", metavar="ACTION", show_default=False, help="Only this action."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAME",
            show_default=False,
            help="Only by people whose names contain this.",
        ),
    ] = "",
    outcome: Annotated[
        Outcome | None,
        typer.Option("--outcome", show_default=False, help="Only with this outcome."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 20,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            show_default=False,
            help="Only since 90s, 10m, 2h, 7d ago, or a time such as 2026-11-21T09:00:00Z.",
        ),
    ] = None,
    until: UntilOption = None,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show who did what, and when, newest first.

    A name after "says" is only claimed: the command line writes its entries with its user's own
    rights. All other names are proven.
    """
    if run and not job:
        message = "name the job as well: provisioner audit JOB --run RUN"
        raise typer.BadParameter(message, param_hint="--run")
    with session(stack) as service:
        now = service.clock()
        which = EntryFilter(
            run=run,
            action=action or "",
            by=by,
            outcome=outcome,
            since=None if since is None else time_at(now, since),
            until=None if until is None else time_at(now, until),
        )
        found = newest(service, job, count, which)
    if output is not Format.TABLE:
        documents.show([document(entry) for entry in found], output)
    elif found:
        stdout().print(_table(found))
    else:
        hint("Nothing has been recorded.")


def _table(found: Iterable[Entry]) -> Table:
    listed = table(
        *("WHEN", "ACTION", "JOB", "RUN", "OUTCOME", "BY", "VIA", "FROM"),
        keep=("WHEN", "ACTION", "JOB", "OUTCOME"),
    )
    for entry in found:
        listed.add_row(
            Text(ago(entry.at)),
            Text(entry.action),
            Text(entry.job_name or "-"),
            Text(entry.run or "-"),
            status(entry.outcome),
            Text(entry.writer),
            Text(entry.via),
            Text(entry.address or "-"),
        )
        changed = ", ".join(each.path for each in entry.changes)
        for more in filter(None, (entry.detail, changed, entry.reason)):
            listed.add_row("", Text("└", "dim"), "", "", "", Text(more, "dim"), "", "")
    return listed
