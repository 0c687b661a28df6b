"""`provisioner confirm-deletions`: let stacks go that stayed because many rows went at once."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli.display import confirm, hint, status, stdout
from provisioner.cli.options import DEFAULT_STACK, StackOption, one_command
from provisioner.cli.session import Session, session
from provisioner.errors import PermanentError
from provisioner.stacks.model import Deletion, JobStatus

app = one_command()


@app.command()
def confirm_deletions(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]...", help="Names of the jobs.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All whose deletion is held.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Let the stacks of jobs be deleted that stayed because too many rows were removed at once.

    What is held is PENDING, and its Ready condition says so. To keep a stack put its row back.
    """
    names = list(dict.fromkeys(jobs or ()))
    if bool(names) == every:
        message = "name the jobs, or say --all"
        raise typer.BadParameter(message)
    with session(stack) as here:
        for name in names:
            record = here.record(name)
            if record is None or record.deletion is not Deletion.HELD:
                message = f'no deletion of {name} is held; see "provisioner get {name}"'
                raise PermanentError(message)
        names = names or _held(here)
        if not names:
            hint("No deletion is held.")
            return
        if not yes:
            confirm(f"Delete the stacks of {len(names)} jobs: {', '.join(names)}?")
        for name in names:
            here.reconcile_queue.send(name, confirm_deletion=True)
            stdout().print(Text.assemble(status("queued"), f"     {name}"))


def _held(here: Session) -> list[str]:
    until = datetime.now(UTC) + timedelta(days=1)
    pending = here.stacks.by_status(JobStatus.PENDING, until=until)
    return sorted(each.job_name for each in pending if each.deletion is Deletion.HELD)
