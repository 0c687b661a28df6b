"""`provisioner builds`: the last builds of a job, and what they printed."""

import time
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from provisioner.cli import documents, logs
from provisioner.cli.display import ago, hint, status, stdout, table
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    JobArgument,
    StackOption,
    one_command,
)
from provisioner.cli.session import session
from provisioner.service import builds as building
from provisioner.service.builds import BuildAttempt
from provisioner.service.context import Service

app = one_command()


@app.command()
def builds(
    job: JobArgument,
    build: Annotated[
        str,
        typer.Argument(
            metavar="[BUILD]", show_default=False, help="Id of a build, or its first characters."
        ),
    ] = "",
    *,
    log: Annotated[
        bool, typer.Option("--log", help="Print the log of BUILD, or of the last build.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print the log until the build ends.")
    ] = False,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the last builds of a job's code, newest first, or the log of one."""
    with session(stack) as service:
        if log or follow:
            _show_log(service, job, build, follow=follow)
            return
        found = (
            [building.find(service, job, build)] if build else building.list_builds(service, job)
        )
    if output is not Format.TABLE:
        shown = [building.document(each) for each in found]
        documents.show(shown[0] if build else shown, output)
        return
    if not found:
        hint(f'{job} has never been built: "provisioner push DIR --build" does it.')
        return
    stdout().print(_table(found))
    if found[0].reason:
        stdout().print(Text(found[0].reason, "red"), soft_wrap=True)
    hint(f'See what a build printed with "provisioner builds {job} BUILD --log".')


def _table(found: Iterable[BuildAttempt]) -> Table:
    listed = table("BUILD", "STATUS", "SOURCE", "STARTED", "SECONDS", keep=("BUILD", "STATUS"))
    for each in found:
        shown = building.document(each)
        listed.add_row(
            Text(str(shown["id"] or "-")[:8]),
            status(each.status),
            Text(str(shown["source_version"] or "-")[:12]),
            Text(ago(each.started_at) if each.started_at else "-"),
            Text(str(shown["seconds"] if shown["seconds"] is not None else "-")),
        )
    return listed


def _show_log(service: Service, job: str, build_id: str, *, follow: bool) -> None:
    build = building.find(service, job, build_id)
    cursor: str | None = None
    shown = False
    while True:
        page = building.log_page(service, build, cursor=cursor)
        for event in page.events:
            shown = True
            logs.show(event)
        cursor = page.newer or cursor
        if page.newer is None or (not follow and not page.events):
            break
        if not page.events:
            time.sleep(logs.POLL_SECONDS)
            build = building.find(service, job, build.log_stream or build_id)
    if not shown:
        hint("The log is empty so far.")
