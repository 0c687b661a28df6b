"""`provisioner rollback`: a job back to an earlier deployment."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import confirm, hint, stdout, table
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service.deployments import RollbackPlan, plan, roll_back
from provisioner.service.versions import RowChange, names_only

app = one_command()


@app.command()
def rollback(
    job: JobArgument,
    *,
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            metavar="NUMBER",
            min=1,
            show_default=False,
            help="Number of the deployment; by default the one before the current.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change in the row.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Roll a job back to an earlier deployment, and keep it there.

    Writes the job's row: restores the version of that time if the row has changed since, and pins
    the code if that has changed. Newer code then waits for "provisioner unpin".
    """
    with session(stack) as service:
        planned = plan(service, job, to)
        target = f"deployment {planned.to.number}"
        changed = names_only(planned.changes(service.caller()))
        if dry_run:
            _show(planned, changed)
            return
        if not yes:
            paths = ", ".join(each.path for each in changed)
            confirm(f"This changes {paths} in the row. Roll {job} back to {target}?")
        roll_back(service, planned)
    hint(f'{job} is being rolled back to {target}; see "provisioner get {job}".')


def _show(planned: RollbackPlan, changed: list[RowChange]) -> None:
    listed = table("ATTRIBUTE", "CHANGE", "BEFORE", "AFTER", keep=("ATTRIBUTE", "CHANGE"))
    for each in changed:
        before, after = (Text(documents.one_line(text)) for text in each.in_a_line)
        listed.add_row(Text(each.path), Text(each.kind), before, after)
    stdout().print(listed)
    hint(f"This would roll back to deployment {planned.to.number}; nothing was written.")
