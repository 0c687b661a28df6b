"""`provisioner versions`: the versions of a job's row, and who wrote them."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import ago, hint, stdout, table
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    JobArgument,
    StackOption,
    one_command,
)
from provisioner.cli.session import session
from provisioner.service.versions import ListedVersion, document, list_versions

app = one_command()


@app.command()
def versions(
    job: JobArgument, *, output: FormatOption = Format.TABLE, stack: StackOption = DEFAULT_STACK
) -> None:
    """Show the versions of a job's row, newest first: when, by whom, and what changed."""
    with session(stack) as service:
        found = list_versions(service, job)
    if output is not Format.TABLE:
        documents.show([document(each) for each in found], output)
        return
    stdout().print(_table(found))
    if len(found) > 1:
        hint(f'See what changed with "provisioner diff {job}".')


def _table(found: Iterable[ListedVersion]) -> Table:
    listed = table("VERSION", "WHEN", "BY", "CHANGED", keep=("VERSION", "WHEN", "BY"))
    for each in found:
        version = each.version
        more = f" and {version.more_changed} more" if version.more_changed else ""
        changed = "deleted" if version.deleted else ", ".join(version.changed) + more
        listed.add_row(
            Text(str(version.number)),
            Text(ago(version.at)),
            Text(each.writer),
            Text(changed or "-"),
        )
    return listed
