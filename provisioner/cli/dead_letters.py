"""`provisioner dead-letters`: what has failed for good, shown and done again."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.text import Text

from provisioner.aws.dead_letters import MOST, Held, held
from provisioner.cli import documents
from provisioner.cli.display import ago, confirm, hint, say, stdout, table
from provisioner.cli.exits import ExitCode
from provisioner.cli.options import DEFAULT_STACK, Format, FormatOption, StackOption
from provisioner.cli.session import session
from provisioner.dead_letters.content import Redrive, parsed
from provisioner.dead_letters.model import DeadLetterMessage
from provisioner.errors import NotFoundError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show what has failed for good, and have it done again.",
)

_IDS = typer.Argument(metavar="[ID]...", show_default=False, help="As `list` shows them.")


@app.command("list")
def list_command(
    *,
    output: FormatOption = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --output json.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show all dead letters, oldest first: those of the queue, and records of the stream in S3."""
    with session(stack) as here, held(here.clients, here.dead_letters) as found:
        shown = tuple(found.messages.values())
    form = Format.JSON if as_json else output
    if form is not Format.TABLE:
        documents.show([_document(letter) for letter in shown], form)
        return
    if not shown:
        hint("There are no dead letters.")
        return
    listed = table("ID", "SINCE", "SOURCE", "JOBS", "REASON", keep=("ID", "SINCE", "SOURCE"))
    for letter in shown:
        listed.add_row(
            Text(letter.id),
            Text(ago(letter.at)),
            Text(letter.content.source),
            Text(", ".join(letter.content.job_names) or "-"),
            Text(_reason(letter)),
        )
    stdout().print(listed)
    if len(shown) >= MOST:
        hint("There may be more of them; these are as many as are shown at once.")


@app.command()
def redrive(
    ids: Annotated[list[str] | None, _IDS] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Have done again what letters ask for, and remove them.

    Jobs are looked at as by `provisioner retry`; the ends of runs are told once more to run_events
    and run_stream;
    notices are published; a message goes to the queue of its job, which must have one by now.
    A letter that nobody can read stays, until it is discarded.
    """
    if bool(ids) == every:
        raise typer.BadParameter("name letters by their ids, or all of them with --all")
    stayed = 0
    with session(stack) as here, held(here.clients, here.dead_letters) as found:
        for letter in _chosen(found, ids):
            found.redrive(letter)
            stdout().print(_told(letter), soft_wrap=True)
            stayed += letter.id in found.messages
    if stayed:
        say(Text(f'{stayed} cannot be done again; see "provisioner dead-letters discard".', "red"))
        raise typer.Exit(ExitCode.ERROR)


@app.command()
def discard(
    ids: Annotated[list[str], _IDS],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Remove letters for good, without doing anything."""
    with session(stack) as here:
        if not yes:
            count = f"{len(ids)} letter{'s' * (len(ids) != 1)}"
            confirm(f"Discard {count}? Nothing brings them back.")
        with held(here.clients, here.dead_letters) as found:
            for letter in _chosen(found, ids):
                found.discard(letter)
                stdout().print(Text.assemble(("discarded", "yellow"), f"  {letter.id}"))


def _chosen(found: Held, ids: Iterable[str] | None) -> list[DeadLetterMessage]:
    if ids is None:
        return list(found.messages.values())
    unknown = [each for each in ids if each not in found.messages]
    if unknown:
        raise NotFoundError(f'there is no letter {", ".join(unknown)}; see "dead-letters list"')
    return [found.messages[each] for each in dict.fromkeys(ids)]


def _told(letter: DeadLetterMessage) -> Text:
    names = ", ".join(letter.content.job_names)
    match letter.content.redrive:
        case Redrive.RECONCILE:
            done = Text.assemble(("redriven", "green"), f"   {letter.id}  {names}")
        case Redrive.RUN_EVENT | Redrive.RUN_RECORDS:
            done = Text.assemble(("redriven", "green"), f"   {letter.id}  run of {names}")
        case Redrive.NOTICE:
            done = Text.assemble(("redriven", "green"), f"   {letter.id}  notice of {names}")
        case Redrive.MESSAGE:
            done = Text.assemble(("redriven", "green"), f"   {letter.id}  message to {names}")
        case Redrive.NOTHING:
            done = Text.assemble(("discarded", "yellow"), f"  {letter.id}  nothing is to be done")
        case Redrive.IMPOSSIBLE:
            done = Text.assemble(("unreadable", "red"), f" {letter.id}")
    return done.append(f"  {letter.content.problem}", "dim") if letter.content.problem else done


def _reason(letter: DeadLetterMessage) -> str:
    return f"{letter.error_type}: {letter.reason}"


def _document(letter: DeadLetterMessage) -> dict[str, Any]:
    payload = parsed(letter.payload)
    return {
        "id": letter.id,
        "at": letter.at.isoformat(timespec="milliseconds"),
        "source": letter.content.source,
        "job_names": list(letter.content.job_names),
        "error_type": letter.error_type,
        "reason": letter.reason,
        "redrive": letter.content.redrive,
        "problem": letter.content.problem or None,
        "payload": letter.payload if payload is None else payload,
    }
