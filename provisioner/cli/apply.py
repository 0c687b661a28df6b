"""`provisioner apply`: rows from files into the Jobs table, all or none."""

from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from provisioner.aws.items import Item
from provisioner.cli import documents, following
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
from provisioner.errors import ConflictError, PermanentError

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
        steps = _steps(here, checked.rows, wait=wait)
        refused = [step.job_name for step in steps if not _take(here, step, dry_run=dry_run)]
        if refused:
            message = (
                f"{', '.join(refused)} changed meanwhile, so nothing was written there; see what "
                'changed with "provisioner apply --dry-run"'
            )
            raise PermanentError(message)
        if dry_run:
            hint("Nothing was written.")
        elif wait:
            _wait(here, tuple(step.followed for step in steps if step.followed), timeout_seconds)
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


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be done about one row, where `before` is what stood there when it was read."""

    item: Item
    before: Item | None
    followed: Followed | None

    @property
    def job_name(self) -> str:
        return str(self.item["job_name"])

    @property
    def kind(self) -> str:
        if self.before is None:
            return "created"
        if self.before != self.item:
            return "updated"
        return "queued" if self.followed and self.followed.asks else "unchanged"


def _steps(here: Session, rows: tuple[CheckedRow, ...], *, wait: bool) -> list[_Step]:
    """Return a step for each row; those that nobody follows know only what is written."""
    before = here.jobs.get_many(row.job_name for row in rows)
    looked_up = [row for row in rows if wait or before.get(row.job_name) == row.item]
    followed = following.followed(here, looked_up, before)
    return [_Step(row.item, before.get(row.job_name), followed.get(row.job_name)) for row in rows]


def _take(here: Session, step: _Step, *, dry_run: bool) -> bool:
    """Do what a row needs and say so; False when somebody else has written it meanwhile."""
    done = step.kind
    try:
        match done:
            case "created" | "updated" if not dry_run:
                here.jobs.replace(step.item, step.before)
            case "queued" if not dry_run:
                here.reconcile_queue.send(step.job_name, retry=True)
    except ConflictError:
        done = "refused"
    stdout().print(Text.assemble(status(done), " " * (11 - len(done)), step.job_name))
    if done == "updated":
        for name, old, new in documents.changes(step.before or {}, step.item):
            stdout().print(Text(f"{' ' * 13}{name}: {old} → {new}", "dim"), soft_wrap=True)
    if done == "queued":
        hint(f"{step.job_name}: its stack is not what its row asks for now.")
    return done != "refused"


def _wait(here: Session, followed: tuple[Followed, ...], timeout_seconds: float) -> None:
    states = following.wait(here.stacks, followed, timeout_seconds)
    bad = [name for name, state in states.items() if not state.good]
    for name in bad:
        for line in following.reasons(here.stacks, name):
            say(Text.assemble((name, "bold"), f": {line}"))
    if bad:
        raise typer.Exit(ExitCode.ERROR)
