"""`provisioner deployments`: the last deployments of a job."""

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
from provisioner.service.deployments import ListedDeployment, document, list_deployments

app = one_command()


@app.command()
def deployments(
    job: JobArgument, *, output: FormatOption = Format.TABLE, stack: StackOption = DEFAULT_STACK
) -> None:
    """Show the last ten deployments of a job, newest first, and what caused them."""
    with session(stack) as service:
        found = list_deployments(service, job)
    if output is not Format.TABLE:
        documents.show([document(each) for each in found], output)
        return
    if not found:
        hint(f"{job} has never been deployed.")
        return
    stdout().print(_table(found))
    for each in found:
        if each.canary:
            number = each.deployment.number
            stdout().print(Text(f"Canary of deployment {number}: {each.canary.sentence}."))
    if len(found) > 1:
        hint(f'Go back with "provisioner rollback {job}", to any of them with --to.')


def _table(found: Iterable[ListedDeployment]) -> Table:
    listed = table("NUMBER", "SINCE", "CAUSE", "BY", "ROW", "CODE", keep=("NUMBER", "SINCE", "ROW"))
    for each in found:
        deployed = each.deployment
        version = str(each.version.version.number) if each.version else "-"
        listed.add_row(
            Text(str(deployed.number), "bold" if each.is_current else ""),
            Text(ago(deployed.at)),
            Text(f"{deployed.cause.value}{', pinned' if deployed.pinned else ''}"),
            Text(each.by or "-"),
            Text(version),
            Text(deployed.artifact or "-"),
        )
    return listed
