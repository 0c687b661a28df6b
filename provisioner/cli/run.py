"""`provisioner run`: start a job now, and wait for its end."""

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from provisioner.cli import asking, watching
from provisioner.cli.asking import Asked
from provisioner.cli.display import hint, stdout
from provisioner.cli.exits import ExitCode
from provisioner.cli.options import (
    DEFAULT_STACK,
    JobArgument,
    Overlap,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.session import session
from provisioner.cli.watching import Watch
from provisioner.errors import PermanentError

app = one_command()


@app.command()
def run(  # noqa: PLR0913  (each is an option)
    job: JobArgument,
    *,
    payload: Annotated[
        str,
        typer.Option(
            "--payload",
            metavar="JSON|@FILE|-",
            help="Input as a JSON object, merged over the row's payload; - reads stdin.",
        ),
    ] = "{}",
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            metavar="KEY",
            help="The same key again starts nothing new: it stands for the run that it started.",
        ),
    ] = None,
    overlap: Annotated[
        Overlap | None,
        typer.Option("--overlap", help="If another run has not ended; default: as the row says."),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option("--command", metavar="TEXT", help="Run this instead of the row's command."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VALUE", help="Set a variable; may be repeated."),
    ] = None,
    cpu: Annotated[
        str | None, typer.Option("--cpu", metavar="N", help="CPU units or vCPUs of this run.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="MB", help="Memory of this run.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end; exit with the run's code.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="Wait, and print what the job prints; exit with its own code."
        ),
    ] = False,
    timeout: TimeoutOption = "1h",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Start a job now.

    Prints the name of the run; with --wait the job's output, as JSON. Exit codes with --wait:
    0 SUCCEEDED, 3 FAILED, 4 TIMED_OUT, 5 STOPPED, 6 SKIPPED, 7 still running after --timeout.
    With --follow a container's own exit code, when it is not 0, comes first.
    """
    timeout_seconds = seconds_of(timeout)
    wanted = {
        "command": command,
        "environment": asking.environment(env or ()) or None,
        "cpu": cpu,
        "memory_mb": memory,
    }
    asked = Asked(
        payload=asking.payload(payload),
        overrides={name: value for name, value in wanted.items() if value is not None},
        overlap=overlap,
    )
    name = _unique_name() if idempotency_key is None else asking.name_for(job, idempotency_key)
    with session(stack) as here:
        machine = here.output_of(job, "StateMachineArn")
        log_group = here.output_of(job, "LogGroup") if follow else None
        execution_input = asking.execution_input(here, job, asked)
        known = here.executions.started(machine, name) if idempotency_key else None
        started = known or asking.start(here, job, machine, name, execution_input)
        if not asking.same_request(started.input, execution_input):
            message = f"--idempotency-key stands for {name} already, which was asked for otherwise"
            raise PermanentError(message)
        how = f'see "provisioner runs {job}" and "provisioner logs {job} --follow"'
        if not (wait or follow):
            stdout().print(name, soft_wrap=True)
            hint(f"{'Started' if started.is_new else 'Started before'}; {how}.")
            return
        try:
            watch = Watch(here, job, started, log_group)
            ended = watch.wait(timeout_seconds, f"{name} has not ended yet; {how}")
        except KeyboardInterrupt:
            hint(f"{name} goes on; {how}.")
            raise
        except BrokenPipeError as error:
            raise typer.Exit(ExitCode.PIPE_CLOSED) from error
    with suppress(BrokenPipeError):  # the exit code is for others than those who read
        watching.show(ended, followed=follow)
    raise typer.Exit(watching.exit_code(ended, followed=follow))


def _unique_name() -> str:
    return f"manual-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
