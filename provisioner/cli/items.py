"""`provisioner items`: the items of a run with a fan-out."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from provisioner.cli import documents
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
from provisioner.runs.model import RunStatus
from provisioner.service.context import Service
from provisioner.service.fan_out_items import ItemLine, ItemsPage, one, page

app = one_command()


class ItemStatus(StrEnum):
    """How an item has ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@app.command()
def items(
    job: JobArgument,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help='The run, as "provisioner runs" shows it.')
    ],
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 50,
    only: Annotated[
        ItemStatus | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            case_sensitive=False,
            show_default=False,
            help="Only SUCCEEDED or FAILED items.",
        ),
    ] = None,
    index: Annotated[
        int | None,
        typer.Option(
            "--index", metavar="N", min=0, show_default=False, help="Only this one, in detail."
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the finished items of a run with a fan-out, and why items failed."""
    with session(stack) as service:
        if index is not None:
            said = dict(one(service, job, run, index).said)
            documents.show(said, Format.JSON if output is Format.TABLE else output)
            return
        found = _page(service, job, run, count, only)
    if output is not Format.TABLE:
        documents.show([_document(each) for each in found.items], output)
        return
    if found.items:
        stdout().print(_table(found))
    total = "" if found.total is None else f" of {found.total}"
    hint(f"{found.succeeded + found.failed}{total} have ended, {found.failed} of them failed.")


def _page(service: Service, job: str, run: str, count: int, only: ItemStatus | None) -> ItemsPage:
    return page(service, job, run, count, status=None if only is None else RunStatus(only))


def _document(item: ItemLine) -> dict[str, object]:
    return {
        "index": item.index,
        "status": str(item.status),
        "ended_at": item.ended_at.isoformat(),
        "attempts": item.attempts,
        "error": item.error,
        "cause": item.cause,
    }


def _table(found: ItemsPage) -> Table:
    listed = table("ITEM", "STATUS", "ENDED", "ATTEMPTS", "ERROR", keep=("ITEM", "STATUS"))
    for item in found.items:
        why = ": ".join(part for part in (item.error, item.cause) if part)
        listed.add_row(
            Text(str(item.index)),
            status(item.status),
            Text(ago(item.ended_at.isoformat())),
            Text("-" if item.attempts is None else str(item.attempts)),
            Text(documents.one_line(why), "red"),
        )
    return listed
