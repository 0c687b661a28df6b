"""`provisioner run`: start a job now, and wait for its end."""

from contextlib import suppress
from typing import Annotated

import typer

from provisioner.cli import asking, watching
from provisioner.cli.display import hint, stdout
from provisioner.cli.exits import ExitCode
from provisioner.cli.options import (
    DEFAULT_STACK,
    OVERLAP_HELP,
    JobArgument,
    OverlapOption,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.session import session
from provisioner.cli.watching import Watch
from provisioner.service.context import Item
from provisioner.service.logs import group_of
from provisioner.service.start_run import RunRequest, StartedRun

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
            help="A repeated key starts no second run, but returns the first one.",
        ),
    ] = None,
    overlap: Annotated[
        OverlapOption | None,
        typer.Option(
            "--overlap", metavar="POLICY", help=f"{OVERLAP_HELP}; default: that of the row."
        ),
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
            "--follow",
            "-f",
            help="Wait, and print the job's logs; exit with the container's own code.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check payload and overrides; start nothing.")
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
    request = RunRequest(
        payload=asking.payload(payload),
        overrides=asking.overrides(command=command, env=env or (), cpu=cpu, memory=memory),
        overlap=overlap,
        idempotency_key=idempotency_key,
    )
    with session(stack) as service:
        if dry_run:
            unchecked = asking.check(service, job, request)
            hint(_unchecked(unchecked) if unchecked else "The run would be started.")
            return
        log_group = group_of(service, job) if follow else None
        started = asking.start(service, job, request)
        if started.unchecked:
            hint(_unchecked(started.unchecked))
        if not (wait or follow):
            _say_started(job, started)
            return
        ended = _wait(Watch(service, job, started, log_group), timeout_seconds)
    with suppress(BrokenPipeError):  # the exit code counts, even if the output is not read
        watching.show(ended, followed=follow)
    raise typer.Exit(watching.exit_code(ended, followed=follow))


def _unchecked(why: str) -> str:
    return f"The payload was not checked: {why}."


def _say_started(job: str, started: StartedRun) -> None:
    stdout().print(started.name, soft_wrap=True)
    when = "Started" if started.execution.is_new else "Started before"
    hint(f"{when}; {_how_to_follow(job)}.")


def _how_to_follow(job: str) -> str:
    return f'see "provisioner runs {job}" and "provisioner logs {job} --follow"'


def _wait(watch: Watch, timeout_seconds: float) -> Item:
    """Return the row of a run that has ended; it keeps running when the waiting ends first."""
    name, how = watch.started.name, _how_to_follow(watch.job_name)
    try:
        return watch.wait(timeout_seconds, f"{name} has not ended yet; {how}")
    except KeyboardInterrupt:
        hint(f"{name} continues; {how}.")
        raise
    except BrokenPipeError as error:
        raise typer.Exit(ExitCode.PIPE_CLOSED) from error
