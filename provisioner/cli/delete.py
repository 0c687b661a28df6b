"""`provisioner delete`: remove a job's row, and with it its stack."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import progress
from provisioner.cli.display import confirm, hint, stdout
from provisioner.cli.options import (
    DEFAULT_STACK,
    JobArgument,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.session import session
from provisioner.service import deletions

app = one_command()


@app.command()
def delete(
    job: JobArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until its stack is deleted.")] = False,
    timeout: TimeoutOption = "15m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Delete a job: its row, and then its stack.

    A job with the deletion policy "retain" keeps its stack. The history of its runs stays.
    """
    timeout_seconds = seconds_of(timeout)
    with session(stack) as service:
        row, record = service.existing_row(job), service.record(job)
        if not yes:
            kept = row.get("deletion_policy") == "retain"
            confirm(f"Delete {job}? Its stack {'stays' if kept else 'is deleted, too'}.")
        deletions.delete(service, job)
        stdout().print(Text.assemble(("deleted", "yellow"), f"    {job}"))
        if wait:
            progress.wait_for_jobs(
                service,
                lambda: deletions.deletion_progress(service, job, record),
                timeout_seconds,
                f'the stack of {job} is not deleted yet; follow it with "provisioner get {job}"',
            )
        else:
            hint(f'Follow the deletion of its stack with "provisioner get {job}".')
