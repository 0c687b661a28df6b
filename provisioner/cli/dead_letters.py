"""`provisioner dead-letters`: list, redrive or discard dead-letter messages."""

from typing import Annotated, Any

import typer
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import ago, confirm, hint, say, stdout, table
from provisioner.cli.exits import ExitCode
from provisioner.cli.options import DEFAULT_STACK, Format, FormatOption, StackOption
from provisioner.cli.session import session
from provisioner.dead_letters.content import Redrive, parsed
from provisioner.dead_letters.model import DeadLetterMessage
from provisioner.plain_text import counted
from provisioner.service import dead_letters
from provisioner.service.dead_letters import DeadLetterList

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="List, redrive or discard dead-letter messages.",
)

_IDS = typer.Argument(metavar="ID", show_default=False, help='Ids, as "list" shows them.')


@app.command("list")
def list_command(
    *,
    output: FormatOption = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --output json.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show all dead-letter messages, oldest first.

    Those of the queue, and the stream records that Lambda has put into S3.
    """
    with session(stack) as service:
        found = dead_letters.list_messages(service)
    form = Format.JSON if as_json else output
    if form is not Format.TABLE:
        documents.show([_document(message) for message in found.messages], form)
    elif found.messages:
        _show(found)
    else:
        hint("There are no dead-letter messages.")


def _show(found: DeadLetterList) -> None:
    listed = table("ID", "SINCE", "SOURCE", "JOBS", "REASON", keep=("ID", "SINCE", "SOURCE"))
    for message in found.messages:
        listed.add_row(
            Text(message.id),
            Text(ago(message.at)),
            Text(message.content.source),
            Text(", ".join(message.content.job_names) or "-"),
            Text(f"{message.error_type}: {message.reason}"),
        )
    stdout().print(listed)
    if not found.complete:
        hint("There may be more: only these are shown at once.")


@app.command()
def redrive(
    ids: Annotated[list[str] | None, _IDS] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All dead-letter messages.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Do again what dead-letter messages ask for, and remove them.

    Jobs are reconciled as by `provisioner retry`; events and stream records go to the functions
    that failed on them; notifications are published; a message goes to the queue of its job, which
    must have one by now. A message that cannot be read stays until it is discarded.
    """
    if bool(ids) == every:
        raise typer.BadParameter("name messages by their ids, or all of them with --all")
    remaining = 0
    with session(stack) as service:
        for redriven in dead_letters.redrive(service, ids):
            stdout().print(_outcome(redriven.message), soft_wrap=True)
            remaining += redriven.remains
    if remaining:
        hint_at_discard = 'see "provisioner dead-letters discard"'
        say(Text(f"{remaining} cannot be redriven; {hint_at_discard}.", "red"))
        raise typer.Exit(ExitCode.ERROR)


@app.command()
def discard(
    ids: Annotated[list[str], _IDS],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Delete dead-letter messages without doing what they ask for."""
    with session(stack) as service:
        if not yes:
            count = counted(len(ids), "dead-letter message")
            confirm(f"Discard {count}? This cannot be undone.")
        for message in dead_letters.discard(service, ids):
            stdout().print(Text.assemble(("discarded", "yellow"), f"  {message.id}"))


def _outcome(message: DeadLetterMessage) -> Text:
    names = ", ".join(message.content.job_names)
    match message.content.redrive:
        case Redrive.RECONCILE:
            done = Text.assemble(("redriven", "green"), f"   {message.id}  {names}")
        case Redrive.RUN_EVENT | Redrive.RUN_RECORDS:
            done = Text.assemble(("redriven", "green"), f"   {message.id}  run of {names}")
        case Redrive.NOTIFICATION:
            done = Text.assemble(("redriven", "green"), f"   {message.id}  notification of {names}")
        case Redrive.MESSAGE:
            done = Text.assemble(("redriven", "green"), f"   {message.id}  message to {names}")
        case Redrive.NOTHING:
            done = Text.assemble(("discarded", "yellow"), f"  {message.id}  nothing to do")
        case Redrive.IMPOSSIBLE:
            done = Text.assemble(("unreadable", "red"), f" {message.id}")
    problem = message.content.problem
    return done.append(f"  {problem}", "dim") if problem else done


def _document(message: DeadLetterMessage) -> dict[str, Any]:
    payload = parsed(message.payload)
    return {
        "id": message.id,
        "at": message.at.isoformat(timespec="milliseconds"),
        "source": message.content.source,
        "job_names": list(message.content.job_names),
        "error_type": message.error_type,
        "reason": message.reason,
        "redrive": message.content.redrive,
        "problem": message.content.problem or None,
        "payload": message.payload if payload is None else payload,
    }
