"""`provisioner get`: all jobs in a table, or all about one."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import detail, documents
from provisioner.cli.display import ago, hint, status, stdout, table
from provisioner.cli.options import DEFAULT_STACK, Format, FormatOption, StackOption, one_command
from provisioner.cli.session import session
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.service import upgrades
from provisioner.service.context import Service
from provisioner.service.job_detail import JobDetail, describe, stacks_row
from provisioner.service.jobs import ALL, JobLine, JobsWanted, page
from provisioner.service.run_lines import RunLine
from provisioner.stacks.model import JobStatus

app = one_command()

_PAGE = 100
"""Jobs for which three requests are enough."""


@app.command()
def get(  # noqa: PLR0913  (each is an option)
    job: Annotated[
        str,
        typer.Argument(
            metavar="[JOB]",
            show_default=False,
            help="Show this job in detail; NAME* lists all jobs whose names start with NAME.",
        ),
    ] = "",
    *,
    only: Annotated[
        JobStatus | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            case_sensitive=False,
            show_default=False,
            help="Only jobs with this status, such as READY, FAILED or INVALID.",
        ),
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", show_default=False, help="Only jobs of this type."),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag", metavar="KEY[=VALUE]", show_default=False, help="Only jobs with this tag."
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner", metavar="OWNER", show_default=False, help="Only jobs with this owner."
        ),
    ] = None,
    schedule: Annotated[
        ScheduleFilter | None,
        typer.Option(
            "--schedule",
            case_sensitive=False,
            show_default=False,
            help="Only jobs with a schedule, with a paused one, or with none.",
        ),
    ] = None,
    outdated: Annotated[
        bool,
        typer.Option(
            "--outdated", help="Only jobs whose stacks have templates of another release."
        ),
    ] = False,
    output: FormatOption = Format.TABLE,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show all jobs, or one in detail: its row, its stack with all ARNs, its last runs."""
    which = JobsWanted(
        prefix=job.removesuffix("*"),
        status=only,
        type=type_,
        owner=owner,
        tag=tag,
        schedule=schedule,
    )
    filtered = outdated or replace(which, prefix="") != ALL
    is_one = bool(job) and not job.endswith("*")
    if is_one and filtered:
        message = "a filter is for a list; leave out the job, or end its name with *"
        raise typer.BadParameter(message)
    with session(stack) as service:
        if is_one:
            _show_one(describe(service, job, whole_runs=True), output)
        else:
            found = list(_lines(service, which))
            if outdated:
                names = upgrades.outdated(service).records
                found = [line for line in found if line.job_name in names]
            _show_all(found, output, everything=not filtered and which == ALL)


def _lines(service: Service, which: JobsWanted) -> Iterator[JobLine]:
    cursor: str | None = None
    while True:
        found = page(service, _PAGE, which, cursor=cursor)
        yield from found.jobs
        if found.cursor is None:
            return
        cursor = found.cursor


def _show_one(job: JobDetail, output: Format) -> None:
    if output is Format.TABLE:
        detail.show(job)
        return
    document = {
        "job_name": job.state.job_name,
        "row": job.state.row,
        "stack": stacks_row(job.state.record),
        "needed_by": job.relations.needed_by,
        "runs": job.runs,
        "costs": [
            {
                "month": each.month,
                "runs": each.runs,
                "estimated_cost": each.cost.usd,
                "estimated_cost_from": each.cost.least,
                "unpriced": each.unpriced,
            }
            for each in job.relations.costs
        ],
        "canary": job.canary and job.canary.document(),
    }
    documents.show(document, output)


def _show_all(jobs: Sequence[JobLine], output: Format, *, everything: bool) -> None:
    if output is not Format.TABLE:
        documents.show([_document(job) for job in jobs], output)
    elif jobs:
        _show_table(jobs)
    elif everything:
        hint('There are no jobs yet. Write a row: "provisioner apply FILE".')
    else:
        hint("No job matches.")


def _document(line: JobLine | RunLine) -> documents.Document:
    """Return a line as a document, with times as texts."""
    return {name: _value(value) for name, value in asdict(line).items()}


def _value(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {name: _value(part) for name, part in value.items()}
        case _:
            return value


def _show_table(jobs: Sequence[JobLine]) -> None:
    listed = table(
        "JOB", "TYPE", "STATUS", "IN SYNC", "SCHEDULE", "LAST RUN", keep=("JOB", "TYPE", "STATUS")
    )
    for job in jobs:
        listed.add_row(
            Text(job.job_name),
            Text(job.type or "-"),
            status(job.status),
            status({True: "yes", False: "no", None: "-"}[job.in_sync]),
            Text(_schedule(job)),
            _last_run(job.last_run),
        )
    stdout().print(listed)


def _schedule(job: JobLine) -> str:
    if job.schedule is None:
        return "-"
    return f"{job.schedule} (off)" if job.paused else job.schedule


def _last_run(run: RunLine | None) -> Text:
    if run is None:
        return Text("-", "dim")
    return Text.assemble(status(run.status), " ", (ago(run.started_at), "dim"))
