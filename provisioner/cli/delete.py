"""`provisioner delete`: remove a job's row, and with it its stack."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import following, progress
from provisioner.cli.display import confirm, hint, say, stdout
from provisioner.cli.exits import ExitCode
from provisioner.cli.options import (
    DEFAULT_STACK,
    JobArgument,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.progress import Progress
from provisioner.cli.session import Session, session
from provisioner.stacks.model import Deletion, JobStatus, StackRecord

app = one_command()


@app.command()
def delete(
    job: JobArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until its stack is gone.")] = False,
    timeout: TimeoutOption = "15m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Remove a job: its row, and with it its stack.

    A job with the deletion policy "retain" keeps its stack. The history of its runs stays.
    """
    timeout_seconds = seconds_of(timeout)
    with session(stack) as here:
        row, record = here.row(job), here.record(job)
        if row is None:
            raise here.unknown(job)
        if not yes:
            kept = row.get("deletion_policy") == "retain"
            fate = "Its stack stays." if kept else "Its stack goes with it."
            confirm(f"Delete {job}? {fate}")
        here.jobs.delete(job)
        stdout().print(Text.assemble(("deleted", "yellow"), f"    {job}"))
        if wait:
            _wait(here, job, record, timeout_seconds)
        else:
            hint(f'See what becomes of its stack with "provisioner get {job}".')


def _wait(here: Session, job: str, before: StackRecord | None, timeout_seconds: float) -> None:
    def look() -> dict[str, Progress]:
        return {job: _progress(here.record(job), before)}

    goes_on = f'the stack of {job} is not gone yet; see "provisioner get {job}"'
    states = progress.wait(look, timeout_seconds, goes_on)
    if not states[job].good:
        for line in following.reasons(here.stacks, job):
            say(Text.assemble((job, "bold"), f": {line}"))
        raise typer.Exit(ExitCode.ERROR)


def _progress(record: StackRecord | None, before: StackRecord | None) -> Progress:
    if record is None:  # it never had a stack, so nothing is to be recorded
        return Progress(JobStatus.DELETED, done=True, good=True)
    match record.status:
        case JobStatus.DELETED | JobStatus.RETAINED as status_:
            return Progress(status_, done=True, good=True)
        case JobStatus.PENDING if record.deletion is Deletion.HELD:
            return Progress(JobStatus.PENDING, done=True)
        case JobStatus.FAILED if before is None or record.version != before.version:
            return Progress(JobStatus.FAILED, done=True)
        case _:
            return Progress(JobStatus.DELETING)
