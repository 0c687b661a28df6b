"""The commands, and how their errors are shown."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from provisioner.cli.exits import ExitCode, StillGoingError
from provisioner.errors import ProvisionerError
from provisioner.plain_text import cleaned

COMMANDS = {
    "apply": "Write rows from YAML or JSON files into the Jobs table.",
    "get": "Show all jobs, or one in detail.",
    "push": "Upload a job's code, or its source to be built.",
    "builds": "Show the builds of a job's code, and their logs.",
    "build": "Build a job's code again after a failure.",
    "run": "Start a job now.",
    "runs": "Show the last runs of a job, or of all jobs.",
    "items": "Show the items of a run with a fan-out.",
    "schedule": "Show when a job runs next, and its last scheduled runs.",
    "backfill": "Start the runs of scheduled times that have passed.",
    "resume": "Resume a schedule that was paused after failures.",
    "stop": "Stop a run that is running or waiting.",
    "versions": "Show the versions of a job's row, and who wrote them.",
    "diff": "Compare two versions of a job's row.",
    "restore": "Restore an earlier version of a job's row.",
    "deployments": "Show the last deployments of a job, and what caused them.",
    "rollback": "Roll a job back to an earlier deployment.",
    "unpin": "Unpin a job's code, so that it runs the newest again.",
    "audit": "Show who did what, and when.",
    "logs": "Show the logs of a job.",
    "open": "Open the console in a browser.",
    "retry": "Retry FAILED jobs.",
    "upgrade": "Update the stacks of all jobs to a new release, in waves.",
    "dead-letters": "List, redrive or discard dead-letter messages.",
    "confirm-deletions": "Allow deletions that are held.",
    "delete": "Delete a job: its row, and then its stack.",
    "local": "Run the whole provisioner on this machine, without AWS.",
}
"""All commands, each with its sentence in `--help`."""

_PYDANTIC = "Value error, "
"""What pydantic, by which Typer reads arguments, puts before a sentence of its own."""

_HOMES = {"local": "provisioner.local.commands"}


class Commands(TyperGroup):
    """Imports a command when it is called: boto3 alone takes longer than all of `--help`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  (Typer's own, private)
        """Return the command that the arguments name, as `TyperGroup` does."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and found else found, rest

    def make_context(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401
        """Read the arguments, as `TyperGroup` does; this prints the help, too."""
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError as error:
            raise typer.Exit from error

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command; say what went wrong in a line rather than in a traceback."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # the reader has read enough: `| head`
            raise typer.Exit from error
        except StillGoingError as error:
            _say(error)
            raise typer.Exit(ExitCode.STILL_GOING) from error
        except ProvisionerError as error:
            _say(error)
            raise typer.Exit(ExitCode.ERROR) from error
        except typer.BadParameter as error:
            error.message = cleaned(error.message).removeprefix(_PYDANTIC)
            raise


def _say(error: ProvisionerError) -> None:
    fg = None if os.environ.get("NO_COLOR") else "red"
    typer.secho("Error: ", fg=fg, bold=True, nl=False, err=True)
    typer.echo(cleaned(" ".join(str(error).split())), err=True)


def load(name: str) -> Any:  # noqa: ANN401
    """Import a command.

    Raises
    ------
    ProvisionerError
        If it needs packages that are not installed.
    """
    try:
        module = import_module(_HOMES.get(name, f"provisioner.cli.{name.replace('-', '_')}"))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("provisioner"):
            raise
        extra = "local" if name == "local" else "cli"
        message = f"this needs {error.name}: pip install 'provisioner[{extra}]'"
        raise ProvisionerError(message) from error
    command = typer.main.get_command(module.app)
    command.name = name
    return command


app = typer.Typer(
    name="provisioner",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _stub() -> None:
    """Stand for a command that is not imported yet."""


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help, short_help=_help)(_stub)


def _version(wanted: bool) -> None:  # noqa: FBT001  (Typer gives it so)
    if wanted:
        typer.echo(import_module("importlib.metadata").version("provisioner"))  # slow to import
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Turn rows of a DynamoDB table into running serverless jobs.

    Uses the account, Region and endpoint of the AWS environment variables and profile.
    """
    del version
