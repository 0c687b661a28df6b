"""`provisioner restore`: an earlier version of a job's row."""

from typing import Annotated

import typer

from provisioner.cli.display import confirm, hint
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service.versions import changes, names_only, restore

app = one_command()


@app.command("restore")
def restore_version(
    job: JobArgument,
    version: Annotated[
        int,
        typer.Argument(metavar="VERSION", min=1, show_default=False, help="Number of the version."),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Restore an earlier version of a job's row, or a row that was deleted.

    It is checked as a new row is, and refused if somebody else changes the row in the meantime.
    """
    with session(stack) as service:
        now = service.row(job)
        if not yes:
            paths = [each.path for each in names_only(changes(service, job, version))]
            what = f"This changes {', '.join(paths)}." if paths else "This changes nothing."
            confirm(f"{what} Restore version {version} of {job}?")
        restored = restore(service, job, version, before=now)
    if restored.row == restored.before:
        hint(f"The row of {job} is the same as version {version} already.")
    else:
        hint(f'The row of {job} is restored. See "provisioner get {job}".')
