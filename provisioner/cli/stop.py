"""`provisioner stop`: stop a run that is running or waiting."""

from typing import Annotated

import typer

from provisioner.cli.display import hint
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.runs.model import RunStatus
from provisioner.service import runs

app = one_command()


@app.command()
def stop(
    job: JobArgument,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", show_default=False, help='The run, as "provisioner runs" shows it.'
        ),
    ] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="The reason, for the run's row.")] = (
        "by hand"
    ),
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Stop a run of a job: the one that is named, or the only one that is running or waiting.

    Its container is stopped, too; a Lambda function that has been invoked runs to its end. A run
    that is waiting never starts. A run that has ended stays as it is.
    """
    with session(stack) as service:
        stopped = runs.stop(service, job, run, reason)
    match stopped.before:
        case RunStatus.RUNNING:
            hint(f"{stopped.run} is being stopped.")
        case RunStatus.QUEUED:
            hint(f"{stopped.run} was waiting; it will not start.")
        case _:
            hint(f"{stopped.run} has already ended: {stopped.before}.")
