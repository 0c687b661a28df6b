"""`provisioner get`: all jobs in a table, or all about one."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import detail, documents
from provisioner.cli.display import hint, status, stdout, table
from provisioner.cli.options import DEFAULT_STACK, Format, FormatOption, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service.jobs import JobDetail, JobSummary, describe, list_jobs, stacks_row

app = one_command()


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
    with session(stack) as service:
        if job:
            _show_one(describe(service, job), output)
        else:
            _show_all(list_jobs(service), output)


def _show_one(job: JobDetail, output: Format) -> None:
    if output is Format.TABLE:
        detail.show(job)
        return
    document = {
        "job_name": job.job_name,
        "row": job.row,
        "stack": stacks_row(job.record),
        "needed_by": job.needed_by,
        "runs": job.runs,
        "costs": [
            {
                "month": each.month,
                "runs": each.runs,
                "estimated_cost": each.cost.usd,
                "estimated_cost_from": each.cost.least,
                "unpriced": each.unpriced,
            }
            for each in job.costs
        ],
    }
    documents.show(document, output)


def _show_all(jobs: Sequence[JobSummary], output: Format) -> None:
    if output is not Format.TABLE:
        documents.show([_document(job) for job in jobs], output)
    elif jobs:
        _show_table(jobs)
    else:
        hint('There are no jobs yet. Write a row: "provisioner apply FILE".')


def _document(job: JobSummary) -> documents.Document:
    return {
        "job_name": job.job_name,
        "row": job.row,
        "stack": stacks_row(job.record),
        "last_run": job.last_run,
    }


def _show_table(jobs: Sequence[JobSummary]) -> None:
    listed = table(
        "JOB", "TYPE", "STATUS", "IN SYNC", "SCHEDULE", "LAST RUN", keep=("JOB", "TYPE", "STATUS")
    )
    for job in jobs:
        listed.add_row(
            Text(job.job_name),
            Text(str((job.row or {}).get("type", "-"))),
            status(job.status),
            status(detail.in_sync(job.record)),
            Text(detail.schedule(job.row)),
            detail.last_run(job.last_run),
        )
    stdout().print(listed)
