"""`provisioner diff`: what differs between two versions of a job's row."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import hint, stdout, table
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    JobArgument,
    StackOption,
    one_command,
)
from provisioner.cli.session import session
from provisioner.service.versions import RowChange, changes, names_only

app = one_command()

_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}


@app.command()
def diff(
    job: JobArgument,
    *,
    start: Annotated[
        int | None,
        typer.Option(
            "--from",
            metavar="VERSION",
            min=1,
            show_default=False,
            help="The earlier version. Default: the one before the later version.",
        ),
    ] = None,
    end: Annotated[
        int | None,
        typer.Option(
            "--to",
            metavar="VERSION",
            min=1,
            show_default=False,
            help="The later version. Default: the row as it is now.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Compare two versions of a job's row; by default show what changed last.

    The table shows only the names of environment variables, not their values.
    """
    with session(stack) as service:
        found = changes(service, job, start, end)
    if output is not Format.TABLE:
        documents.show([_document(each) for each in found], output)
    elif found:
        listed = table("ATTRIBUTE", "CHANGE", "BEFORE", "AFTER", keep=("ATTRIBUTE", "CHANGE"))
        for each in names_only(found):
            before, after = (Text(documents.one_line(text)) for text in each.in_a_line)
            kind = Text(each.kind, _STYLES[each.kind])
            listed.add_row(Text(each.path), kind, before, after)
        stdout().print(listed)
    else:
        hint("The two versions are the same.")


def _document(change: RowChange) -> documents.Document:
    return {
        "path": change.path,
        "kind": change.kind.value,
        "before": change.before,
        "after": change.after,
        "hidden": change.hidden,
    }
