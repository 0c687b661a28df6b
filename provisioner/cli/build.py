"""`provisioner build`: build a job's code again, or another commit of it."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli.display import hint, status, stdout
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.push_source import HELD_BACK
from provisioner.cli.session import session
from provisioner.service import builds, commits

app = one_command()


@app.command()
def build(
    job: JobArgument,
    *,
    commit: Annotated[
        str,
        typer.Option(
            "--commit",
            metavar="SHA",
            show_default=False,
            help="The commit to build of a Git repository; it is written into the row.",
        ),
    ] = "",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Build a job's code again after a failure, or another commit of it.

    A build that succeeded is not repeated: push other source, or change the row.
    """
    with session(stack) as service:
        if commit:
            commits.build_commit(service, job, commit)
        else:
            builds.build_again(service, job)
        is_pinned = builds.buildable(service, job).pin is not None
    stdout().print(Text.assemble(status("queued"), f"     {job}"))
    if is_pinned:
        hint(f"{job} is pinned: {HELD_BACK.format(job=job)}")
    else:
        hint(f'Follow it with "provisioner builds {job} --follow".')
