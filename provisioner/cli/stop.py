"""`provisioner stop`: stop a run, whether it runs or waits."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from provisioner.aws.items import Item
from provisioner.cli.display import hint
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.runs import execution_name
from provisioner.cli.session import Session, session
from provisioner.errors import NotFoundError, PermanentError
from provisioner.runs.model import RunStatus
from provisioner.runs.overlap import stop as stop_run

app = one_command()

_LOOKED_THROUGH = 1000
"""The last runs, among which the one to stop is looked for."""


@app.command()
def stop(
    job: JobArgument,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", show_default=False, help="As `provisioner runs` shows it."),
    ] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the run's row.")] = "by hand",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Stop a run of a job: the one that runs, or the one that is named.

    Its container is stopped, too; a Lambda function that has been called runs to its end. A run
    that waits for another never starts. One that has ended stays as it is.
    """
    with session(stack) as here:
        found = _find(here, job, run)
        name = execution_name(found)
        key = (job, str(found["trigger_id"]))
        by, now = here.caller_arn(), datetime.now(UTC)
        status = stop_run(here.triggers, here.executions, key, by=by, reason=reason, now=now)
    match status:
        case RunStatus.RUNNING:
            hint(f"{name} is being stopped.")
        case RunStatus.QUEUED:
            hint(f"{name} waited; it will not start.")
        case _:
            hint(f"{name} has ended before: {status}.")


def _find(here: Session, job: str, name: str | None) -> Item:
    """Return the run that is meant."""
    runs = list(here.triggers.last(job, _LOOKED_THROUGH))
    if not runs and here.row(job) is None:
        raise here.unknown(job)
    if name is not None:
        for run in runs:
            if execution_name(run) == name:
                return run
        message = f'{job} has no run "{name}" among its last {_LOOKED_THROUGH}'
        raise NotFoundError(message)
    running = [run for run in runs if run.get("status") == RunStatus.RUNNING]
    open_runs = running or [run for run in runs if run.get("status") == RunStatus.QUEUED]
    match open_runs:
        case [run]:
            return run
        case []:
            message = f"no run of {job} is running or waiting"
            raise NotFoundError(message)
        case _:
            names = ", ".join(execution_name(run) for run in open_runs[:10])
            message = f"{len(open_runs)} runs are open; name one: {names}"
            raise PermanentError(message)
