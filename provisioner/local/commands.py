"""`provisioner local`: what people type, and what they see."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from provisioner.local import containers, processes
from provisioner.local.engine import Engine
from provisioner.local.errors import LocalError
from provisioner.local.parameters import parsed
from provisioner.local.progress import ProgressPrinter
from provisioner.local.stack import DEFAULT_STACK, GOOD, stack_outputs, stack_status
from provisioner.local.up import Wanted, up
from provisioner.terminal import CleanConsole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provisioner.local.outcomes import ExampleOutcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run the whole provisioner on this machine, without an AWS account.",
)

StackOption = Annotated[
    str,
    typer.Option(
        "--stack", envvar="PROVISIONER_STACK", metavar="NAME", help="The bootstrap stack."
    ),
]


@app.command("up")
def up_command(
    *,
    stack: StackOption = DEFAULT_STACK,
    examples: Annotated[
        bool, typer.Option("--examples/--no-examples", help="Write the example rows and run them.")
    ] = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete all rows, stacks and objects first.")
    ] = False,
    auth: Annotated[
        bool | None,
        typer.Option("--auth/--no-auth", help="Enforce IAM; default: as the last time, or off."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter of the bootstrap; may be repeated. Those of the last time are kept.",
        ),
    ] = None,
) -> None:
    """Start the engine, deploy the bootstrap, start the example jobs.

    Fast, and safe to repeat, when everything is up. `down` keeps rows, stacks and objects.
    """
    engine = Engine()
    with _telling_errors(), engine.home.locked():
        given = parsed(parameter or ())
        wanted = Wanted(stack, auth=auth, fresh=fresh, examples=examples, parameters=given)
        try:
            with ProgressPrinter() as progress:
                outcomes = up(engine, wanted, progress)
        except KeyboardInterrupt:
            engine.stop()
            _out().print("interrupted; everything is stopped")
            raise
    _print_outcomes(engine, outcomes)
    _print_next(engine, stack, outcomes)


@app.command()
def down() -> None:
    """Stop everything that `up` started, containers included. The next `up` has the same data."""
    engine = Engine()
    with _telling_errors(), engine.home.locked():
        stopped = engine.stop()
    _out().print("stopped" if stopped else "nothing is running")


@app.command()
def env(*, stack: StackOption = DEFAULT_STACK) -> None:
    """Print `export` lines for AWS clients: eval "$(provisioner local env)"."""
    engine = Engine()
    with _telling_errors():
        variables = engine.environ() | {"PROVISIONER_STACK": stack}
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def status(*, stack: StackOption = DEFAULT_STACK) -> None:
    """Show the state of each part. The exit code is 0 only when every part works."""
    engine = Engine()
    health = engine.health()
    bootstrap = stack_status(engine, stack) if health.running else None
    state = engine.state
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    iam = "IAM enforced" if state.auth else "IAM not enforced"
    words = f"answers at {engine.endpoint}, {iam}" if health.running else "is not running"
    table.add_row("engine", words)
    table.add_row(
        "stack events relay", "part of the engine" if health.running else "is not running"
    )
    table.add_row("containers", _container_words(state.container_host, health.containers))
    table.add_row(f"stack {stack}", bootstrap or "not deployed")
    for name, record in state.processes.items():
        alive = "is running" if processes.is_alive(record) else "has crashed"
        table.add_row(f"process {name}", f"pid {record.pid} {alive}; log: {engine.home.log(name)}")
    _out().print(table)
    with _telling_errors():
        engine.check()
    if not health.is_good or bootstrap not in GOOD:
        raise typer.Exit(1)


def _container_words(host: str | None, answering: bool | None) -> str:  # noqa: FBT001
    match answering:
        case None:
            return "none"
        case True:
            return f"answered by {host}"
        case False:
            return f"no answer from {host}"


def _print_outcomes(engine: Engine, outcomes: Sequence[ExampleOutcome]) -> None:
    if not outcomes:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("JOB", "TYPE", "STATUS", "LAST RUN", "TOOK"):
        table.add_column(heading, no_wrap=True)
    for outcome in outcomes:
        table.add_row(
            outcome.example.job_name,
            outcome.example.row["type"],
            outcome.stack.get("status", "-"),
            outcome.run["status"] if outcome.run else "-",
            f"{_seconds(outcome.run):.1f} s" if outcome.run else "-",
        )
    _out().print()
    _out().print(table)
    for outcome in outcomes:
        if outcome.run and outcome.run["status"] != "SUCCEEDED":
            _print_failure(outcome, outcome.run)
    if not engine.state.container_host:
        _out().print(f"\n{containers.how_to_enable()}", soft_wrap=True)


def _seconds(run: Mapping[str, Any]) -> float:
    return float(run.get("duration_ms", 0)) / 1000


def _print_failure(outcome: ExampleOutcome, run: Mapping[str, Any]) -> None:
    _out().print(f"\nThe last run of {outcome.example.job_name} is {run['status']}:")
    _out().print(outcome.reason or "no reason is recorded", soft_wrap=True)


def _print_next(engine: Engine, stack: str, outcomes: Sequence[ExampleOutcome]) -> None:
    job = outcomes[0].example.job_name if outcomes else "JOB"
    if address := stack_outputs(engine, stack).get("ConsoleUrl"):
        _out().print(f"\nThe console: {address}", soft_wrap=True)
    _out().print(
        f"\nThe engine is at {engine.endpoint}, the bootstrap is stack {stack}. Now try:\n"
    )
    for command in (
        'eval "$(.venv/bin/provisioner local env)"',
        ".venv/bin/provisioner get",
        f".venv/bin/provisioner run {job} --wait",
        f".venv/bin/provisioner logs {job}",
        "make local-down",
    ):
        _out().print(f"  {command}")


def _out() -> CleanConsole:
    return CleanConsole()


@contextmanager
def _telling_errors() -> Iterator[None]:
    """Say what went wrong as it is, lines of a log included, and end with 1."""
    try:
        yield
    except LocalError as error:
        CleanConsole(stderr=True).print(f"Error: {error}", soft_wrap=True)
        raise typer.Exit(1) from None
