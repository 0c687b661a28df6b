"""`provisioner apply`: rows from files into the Jobs table, all or none."""

from itertools import groupby
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from provisioner.aws.items import Item
from provisioner.cli import following
from provisioner.cli.checking import CheckedRow, Problem, check
from provisioner.cli.display import hint, say, status, stderr, stdout, table
from provisioner.cli.exits import ExitCode
from provisioner.cli.following import Followed
from provisioner.cli.options import (
    DEFAULT_STACK,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.session import Session, session

app = one_command()


@app.command()
def apply(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", show_default=False, help="YAML or JSON files of rows; - reads stdin."
        ),
    ],
    *,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What ${NAME} stands for; repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check and compare; write nothing.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until each job is READY, FAILED or INVALID.")
    ] = False,
    timeout: TimeoutOption = "15m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Write rows from YAML or JSON files into the Jobs table.

    A file holds any number of documents, each a row or a list of rows. ${Name} in a text is
    replaced by that output of the bootstrap stack, or by what --set gives. All rows are checked
    before the first is written: when one is bad, none is.
    """
    timeout_seconds = seconds_of(timeout)
    given = dict(_pair(text) for text in values or ())
    with session(stack) as here:
        checked = check(files, {**here.outputs, **given}, here.permitted)
        if checked.problems:
            _show(checked.problems)
            raise typer.Exit(ExitCode.ERROR)
        before = here.jobs.get_many(row.job_name for row in checked.rows)
        followed = following.followed(here, checked.rows, before) if wait else ()
        _write(here, checked.rows, before, dry_run=dry_run)
        if dry_run:
            hint("Nothing was written.")
        elif wait:
            _wait(here, followed, timeout_seconds)
        else:
            hint('See what becomes of them with "provisioner get".')


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        message = f'--set takes NAME=VALUE, not "{text}"'
        raise typer.BadParameter(message)
    return name, value


def _show(problems: tuple[Problem, ...]) -> None:
    for (source, row), found in groupby(
        problems, key=lambda problem: (problem.source, problem.row)
    ):
        say(Text.assemble((row, "bold"), (f" in {source}", "dim")) if row else Text(source, "bold"))
        listed = table("FIELD", "PROBLEM", keep=("FIELD",))
        for problem in found:
            listed.add_row(Text(problem.field or "-"), Text(problem.message, "red"))
        stderr().print(Padding(listed, (0, 0, 1, 2), expand=False))
    count = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
    say(Text(f"{count}; nothing was written.", "bold red"))


def _write(
    here: Session, rows: tuple[CheckedRow, ...], before: dict[str, Item], *, dry_run: bool
) -> None:
    width = max(len(row.job_name) for row in rows)
    for row in rows:
        old = before.get(row.job_name)
        done = "created" if old is None else "unchanged" if old == row.item else "updated"
        if done != "unchanged" and not dry_run:
            here.jobs.put(row.item)
        line = Text.assemble(status(done), " " * (11 - len(done)), row.job_name)
        if done == "updated" and old is not None:
            line.append(f"{' ' * (width - len(row.job_name))}  {_changes(old, row.item)}", "dim")
        stdout().print(line, soft_wrap=True)


def _changes(old: Item, new: Item) -> str:
    return ", ".join(
        name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)
    )


def _wait(here: Session, followed: tuple[Followed, ...], timeout_seconds: float) -> None:
    states = following.wait(here.stacks, followed, timeout_seconds)
    bad = [name for name, state in states.items() if not state.good]
    for name in bad:
        for line in following.reasons(here.stacks, name):
            say(Text.assemble((name, "bold"), f": {line}"))
    if bad:
        raise typer.Exit(ExitCode.ERROR)
