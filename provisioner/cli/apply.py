"""`provisioner apply`: rows from files into the Jobs table, all or none."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from provisioner.cli import documents, progress, rows
from provisioner.cli.display import hint, say, status, stderr, stdout, table
from provisioner.cli.exits import ExitCode
from provisioner.cli.options import (
    DEFAULT_STACK,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.session import session
from provisioner.errors import PermanentError
from provisioner.plain_text import counted
from provisioner.service import following
from provisioner.service.apply import ApplyOutcome, RowStep, carry_out, plan
from provisioner.service.context import Service
from provisioner.service.rows import CheckedRow, RowProblem, check

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
        typer.Option("--set", metavar="NAME=VALUE", help="The value of ${NAME}; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check and compare; write nothing.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until each job is READY, FAILED, INVALID or PAUSED."),
    ] = False,
    timeout: TimeoutOption = "15m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Write rows from YAML or JSON files into the Jobs table.

    A file holds any number of documents, each a row or a list of rows. ${Name} in a text is
    replaced by that output of the bootstrap stack, or by what --set gives. All rows are checked
    before the first is written: if one is not valid, none is written.
    """
    timeout_seconds = seconds_of(timeout)
    given = dict(_pair(text) for text in values or ())
    with session(stack) as service:
        steps = plan(service, _checked(service, files, given), expect_all=wait)
        done = {step.job_name: _take(service, step, dry_run=dry_run) for step in steps}
        if refused := [name for name, outcome in done.items() if outcome is ApplyOutcome.REFUSED]:
            message = (
                f"somebody else has changed {', '.join(refused)}, so nothing was written there; "
                'see what changed with "provisioner apply --dry-run"'
            )
            raise PermanentError(message)
        if dry_run:
            hint("Nothing was written.")
        elif wait:
            _wait(service, steps, timeout_seconds)
        else:
            hint('Follow the jobs with "provisioner get".')


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        message = f'--set takes NAME=VALUE, not "{text}"'
        raise typer.BadParameter(message)
    return name, value


def _checked(
    service: Service, files: Iterable[str], given: dict[str, str]
) -> tuple[CheckedRow, ...]:
    """Return the rows of the files; end the command if anything is wrong with one of them."""
    found, unreadable = rows.read_all(files)
    checked = check(service, found, given)
    if problems := (*unreadable, *checked.problems):
        _show(problems)
        raise typer.Exit(ExitCode.ERROR)
    return checked.rows


def _show(problems: Sequence[RowProblem]) -> None:
    for (source, row), found in groupby(
        problems, key=lambda problem: (problem.source, problem.row)
    ):
        say(Text.assemble((row, "bold"), (f" in {source}", "dim")) if row else Text(source, "bold"))
        listed = table("FIELD", "PROBLEM", keep=("FIELD",))
        for problem in found:
            listed.add_row(Text(problem.field or "-"), Text(problem.message, "red"))
        stderr().print(Padding(listed, (0, 0, 1, 2), expand=False))
    count = counted(len(problems), "problem")
    say(Text(f"{count}; nothing was written.", "bold red"))


def _take(service: Service, step: RowStep, *, dry_run: bool) -> ApplyOutcome:
    """Take a step, unless it is a dry run, and say what became of the row."""
    outcome = step.outcome if dry_run else carry_out(service, step)
    stdout().print(Text.assemble(status(outcome), " " * (11 - len(outcome)), step.job_name))
    if outcome is ApplyOutcome.UPDATED:
        for change in step.changes:
            stdout().print(Text(f"{' ' * 13}{documents.of_change(change)}", "dim"), soft_wrap=True)
    if outcome is ApplyOutcome.QUEUED:
        hint(f"{step.job_name}: its stack is out of date.")
    return outcome


def _wait(service: Service, steps: Iterable[RowStep], timeout_seconds: float) -> None:
    expected = [step.expected for step in steps if step.expected]
    progress.wait_for_jobs(
        service,
        lambda: following.progress(service, expected),
        timeout_seconds,
        progress.JOBS_GO_ON,
    )
