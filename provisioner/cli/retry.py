"""`provisioner retry`: have jobs tried again that have failed."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import following, progress
from provisioner.cli.display import hint, say, status, stdout
from provisioner.cli.exits import ExitCode
from provisioner.cli.following import Followed
from provisioner.cli.options import (
    DEFAULT_STACK,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.progress import Progress
from provisioner.cli.session import Session, session
from provisioner.jobs import InvalidRow, guarded
from provisioner.stacks.model import Deletion, JobStatus, StackRecord

app = one_command()


@app.command()
def retry(
    jobs: Annotated[
        list[str], typer.Argument(metavar="JOB", show_default=False, help="Names of the jobs.")
    ],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until each job is READY, FAILED or INVALID.")
    ] = False,
    timeout: TimeoutOption = "15m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Try jobs again that have FAILED, though their rows have not changed.

    The provisioner forgets what has failed before, looks at row and stack anew, and does what they
    ask for. A job that is well stays as it is.
    """
    timeout_seconds = seconds_of(timeout)
    names = list(dict.fromkeys(jobs))
    with session(stack) as here:
        wanted = here.jobs.get_many(names)
        records = here.stacks.get_many(names)
        for name in names:
            if name not in wanted and name not in records:
                raise here.unknown(name)
        followed = {
            name: _followed(here, wanted.get(name), records.get(name)) for name in names if wait
        }
        for name in names:
            here.reconcile_queue.send(name, retry=True)
            stdout().print(Text.assemble(status("queued"), f"     {name}"))
        if wait:
            _wait(here, followed, records, timeout_seconds)
        elif len(names) == 1:
            hint(f'See what becomes of it with "provisioner get {names[0]}".')
        else:
            hint('See what becomes of them with "provisioner get".')


def _followed(
    here: Session, row: Mapping[str, object] | None, record: StackRecord | None
) -> Followed | None:
    """Return how to follow a job with a row; a row that makes no sense is answered with that."""
    if row is None:
        return None
    job = here.permitted(guarded.parse(row))
    if not isinstance(job, InvalidRow):
        return following.follow(here, job, record, changed=True)
    version = record.version if record else 0
    return Followed(job.job_name, paused=False, digest=None, errors=job.errors, version=version)


def _wait(
    here: Session,
    followed: Mapping[str, Followed | None],
    before: Mapping[str, StackRecord],
    timeout_seconds: float,
) -> None:
    def look() -> dict[str, Progress]:
        records = here.stacks.get_many(followed)
        return {
            name: _progress(how, records.get(name), before.get(name))
            for name, how in followed.items()
        }

    goes_on = 'not all jobs are there yet; see "provisioner get" for the rest'
    states = progress.wait(look, timeout_seconds, goes_on)
    bad = [name for name, state in states.items() if not state.good]
    for name in bad:
        for line in following.reasons(here.stacks, name):
            say(Text.assemble((name, "bold"), f": {line}"))
    if bad:
        raise typer.Exit(ExitCode.ERROR)


def _progress(
    followed: Followed | None, record: StackRecord | None, before: StackRecord | None
) -> Progress:
    if record is not None and record.status is JobStatus.FAILED:
        forgotten = record == before or record.failure is None
        if forgotten:  # or about to be
            return Progress(JobStatus.PENDING)
    if followed is not None:
        return followed.progress(record)
    if record is None or record.status in {JobStatus.DELETED, JobStatus.RETAINED}:
        return Progress(record.status if record else JobStatus.DELETED, done=True, good=True)
    waits_for_a_person = record.deletion is Deletion.HELD
    return Progress(record.status, done=waits_for_a_person or record.status is JobStatus.FAILED)
