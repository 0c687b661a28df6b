"""`provisioner confirm-deletions`: delete stacks that are held because many rows were removed."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli.display import confirm, hint, status, stdout
from provisioner.cli.options import DEFAULT_STACK, StackOption, one_command
from provisioner.cli.session import session
from provisioner.plain_text import counted
from provisioner.service import deletions

app = one_command()


@app.command()
def confirm_deletions(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB", help="Names of the jobs.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All jobs whose deletion is held.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Allow deletions that are held because too many rows were removed at once.

    A job whose deletion is held is PENDING, and its Ready condition says so. To keep its stack,
    write its row again.
    """
    names = list(dict.fromkeys(jobs or ()))
    if bool(names) == every:
        message = "name the jobs, or say --all"
        raise typer.BadParameter(message)
    with session(stack) as service:
        deletions.require_held(service, names)
        names = names or deletions.held_deletions(service)
        if not names:
            hint("No deletion is held.")
            return
        if not yes:
            confirm(f"Delete the stacks of {counted(len(names), 'job')}: {', '.join(names)}?")
        for name in names:
            deletions.confirm_deletion(service, name)
            stdout().print(Text.assemble(status("queued"), f"     {name}"))
