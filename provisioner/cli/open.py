"""`provisioner open`: a job or a run in the console."""

import sys
import webbrowser
from typing import Annotated

import typer

from provisioner.cli.display import stdout
from provisioner.cli.options import DEFAULT_STACK, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service import console_pages

app = one_command()


@app.command("open")
def open_page(
    job: Annotated[
        str | None,
        typer.Argument(metavar="JOB", show_default=False, help="Default: the overview."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", show_default=False, help='A run, as in "provisioner runs".'),
    ] = None,
    *,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Open the console in a browser: the overview, a job, or a run.

    Prints the address. When the output is not a terminal, that is all it does.
    """
    with session(stack) as service:
        address = console_pages.address(service, job, run)
    stdout().print(address, soft_wrap=True)
    if sys.stdout.isatty():
        webbrowser.open(address)
