"""`provisioner retry`: reconcile jobs again that have failed."""

from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import progress
from provisioner.cli.display import hint, status, stdout
from provisioner.cli.options import (
    DEFAULT_STACK,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.session import session
from provisioner.service import retry as retrying

app = one_command()


@app.command()
def retry(
    jobs: Annotated[
        list[str], typer.Argument(metavar="JOB", show_default=False, help="Names of the jobs.")
    ],
    *,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until each job is READY, FAILED, INVALID or PAUSED."),
    ] = False,
    timeout: TimeoutOption = "15m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Retry FAILED jobs, although their rows have not changed.

    The provisioner forgets earlier failures and reconciles each job. A job that is READY stays as
    it is.
    """
    timeout_seconds = seconds_of(timeout)
    with session(stack) as service:
        retries = retrying.prepare_retry(service, jobs, expect_all=wait)
        for each in retries:
            retrying.retry(service, each.job_name)
            stdout().print(Text.assemble(status("queued"), f"     {each.job_name}"))
        if wait:
            progress.wait_for_jobs(
                service,
                lambda: retrying.retry_progress(service, retries),
                timeout_seconds,
                progress.JOBS_GO_ON,
            )
        elif len(retries) == 1:
            hint(f'Follow the job with "provisioner get {retries[0].job_name}".')
        else:
            hint('Follow the jobs with "provisioner get".')
