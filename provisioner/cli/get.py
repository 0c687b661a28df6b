"""`provisioner get`: all jobs in a table, or all about one."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.text import Text

from provisioner.aws.items import Item
from provisioner.cli import detail, documents
from provisioner.cli.display import hint, status, stdout, table
from provisioner.cli.options import DEFAULT_STACK, Format, FormatOption, StackOption, one_command
from provisioner.cli.session import Session, session
from provisioner.stacks.model import JobStatus, StackRecord

app = one_command()

RUNS_OF_ONE_JOB = 5
_PARALLEL_READS = 8


@dataclass(frozen=True, slots=True)
class _Line:
    job_name: str
    row: Mapping[str, object] | None
    record: StackRecord | None
    last_run: Item | None


@app.command()
def get(
    job: Annotated[
        str, typer.Argument(metavar="JOB", show_default=False, help="Only this one, in detail.")
    ] = "",
    *,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show all jobs, or one in detail: its row, its stack with all ARNs, its last runs."""
    with session(stack) as here:
        if job:
            _show_one(here, job, output)
        else:
            _show_all(here, output)


def _show_one(here: Session, job_name: str, output: Format) -> None:
    row, record = here.row(job_name), here.record(job_name)
    if row is None and record is None:
        raise here.unknown(job_name)
    runs = here.triggers.latest(job_name, RUNS_OF_ONE_JOB)
    needs = {
        name: next(iter(here.triggers.latest(name, 1)), None)
        for name in (record.depends_on if record else ())
    }
    needed_by = sorted(here.dependants.of(job_name))
    if output is Format.TABLE:
        detail.show(job_name, row, record, runs, detail.Chain(needs, needed_by))
        return
    document = {
        "job_name": job_name,
        "row": row,
        "stack": documents.of_record(record),
        "needed_by": needed_by,
        "runs": runs,
    }
    documents.show(document, output)


def _show_all(here: Session, output: Format) -> None:
    lines = _lines(here)
    if output is not Format.TABLE:
        documents.show(
            [
                {
                    "job_name": line.job_name,
                    "row": line.row,
                    "stack": documents.of_record(line.record),
                    "last_run": line.last_run,
                }
                for line in lines
            ],
            output,
        )
        return
    if not lines:
        hint('There are no jobs yet. Write a row: "provisioner apply FILE".')
        return
    listed = table(
        "JOB", "TYPE", "STATUS", "IN SYNC", "SCHEDULE", "LAST RUN", keep=("JOB", "TYPE", "STATUS")
    )
    for line in lines:
        listed.add_row(
            Text(line.job_name),
            Text(str((line.row or {}).get("type", "-"))),
            status(line.record.status if line.record else JobStatus.PENDING),
            status(detail.in_sync(line.record)),
            Text(detail.schedule(line.row)),
            detail.last_run(line.last_run),
        )
    stdout().print(listed)


def _lines(here: Session) -> list[_Line]:
    """Return every job that has a row, and those whose stack outlives theirs."""
    rows = {str(row["job_name"]): row for row in here.jobs.all()}
    records = {record.job_name: record for record in here.stacks.all()}
    gone = {name for name, record in records.items() if record.status is JobStatus.DELETED}
    names = sorted(rows.keys() | (records.keys() - gone))
    triggers = here.triggers
    with ThreadPoolExecutor(_PARALLEL_READS) as readers:
        latest = list(readers.map(lambda name: triggers.latest(name, 1), names))
    return [
        _Line(name, rows.get(name), records.get(name), runs[0] if runs else None)
        for name, runs in zip(names, latest, strict=True)
    ]
