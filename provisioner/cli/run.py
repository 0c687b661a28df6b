"""`provisioner run`: start a job now, and wait for its end."""

import json
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from provisioner.aws import executions
from provisioner.aws.items import Item
from provisioner.cli import progress
from provisioner.cli.display import duration, hint, say, stdout
from provisioner.cli.exits import OF_RUN
from provisioner.cli.options import (
    DEFAULT_STACK,
    JobArgument,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
)
from provisioner.cli.progress import Progress
from provisioner.cli.runs import reason
from provisioner.cli.session import Session, session
from provisioner.errors import PermanentError
from provisioner.jobs.errors import kind_of
from provisioner.jobs.payload import RESERVED
from provisioner.runs import FINAL, RunStatus

app = one_command()

_ROW_GRACE_SECONDS = 15
"""How long the row of an ended execution may take to say so, too."""


@app.command()
def run(
    job: JobArgument,
    *,
    payload: Annotated[
        str,
        typer.Option(
            "--payload",
            metavar="JSON|@FILE|-",
            help="Input as a JSON object, merged over the row's payload; - reads stdin.",
        ),
    ] = "{}",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end; exit with the run's code.")
    ] = False,
    timeout: TimeoutOption = "1h",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Start a job now.

    Prints the name of the run; with --wait the job's output, as JSON. Exit codes with --wait:
    0 SUCCEEDED, 3 FAILED, 4 TIMED_OUT, 5 STOPPED, 6 SKIPPED, 7 still running after --timeout.
    """
    timeout_seconds = seconds_of(timeout)
    execution_input = {**_payload(payload), RESERVED: {"source": "manual"}}
    with session(stack) as here:
        machine = here.output_of(job, "StateMachineArn")
        name = f"manual-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        arn = executions.start(machine, name, execution_input)
        follow = f'see "provisioner runs {job}" and "provisioner logs {job} --follow"'
        if not wait:
            stdout().print(name, soft_wrap=True)
            hint(f"Started; {follow}.")
            return
        try:
            ended = _wait(here, job, arn, timeout_seconds, f"{name} has not ended yet; {follow}")
        except KeyboardInterrupt:
            hint(f"{name} goes on; {follow}.")
            raise
    _show(ended)
    raise typer.Exit(OF_RUN[RunStatus(ended["status"])])


def _payload(text: str) -> dict[str, Any]:
    """Return the input that `--payload` gives."""
    where = "--payload"
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            where = text[1:]
            text = Path(where).read_text(encoding="utf-8-sig")
        value = json.loads(text)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"no valid JSON: {error}"
        message = f"{where}: {why}"
        raise PermanentError(message) from error
    if not isinstance(value, dict):
        message = f"{where}: must be a JSON object, not {kind_of(value)}"
        raise PermanentError(message)
    if RESERVED in value:
        message = f'{where}: "{RESERVED}" is set by the provisioner'
        raise PermanentError(message)
    return value


def _wait(here: Session, job: str, arn: str, timeout_seconds: float, goes_on: str) -> Item:
    """Return the run's row once it says how it ended, or what Step Functions says of it."""
    found: Item = {}
    ended_at = 0.0

    def look() -> dict[str, Progress]:
        nonlocal found, ended_at
        execution = executions.ended(job, arn)
        if execution is None:
            return {job: Progress(RunStatus.RUNNING)}
        ended_at = ended_at or time.monotonic()
        row = here.triggers.find(job, execution.execution_name, execution.started_at)
        if row is None or row["status"] not in FINAL:
            if time.monotonic() - ended_at < _ROW_GRACE_SECONDS:
                return {job: Progress(RunStatus.RUNNING)}
            row = {"status": execution.status, "error": execution.error, "cause": execution.cause}
        found = row
        status = RunStatus(row["status"])
        return {job: Progress(status, done=True, good=status is RunStatus.SUCCEEDED)}

    progress.wait(look, timeout_seconds, goes_on)
    return found


def _show(run: Item) -> None:
    code = f", exit code {run['exit_code']}" if "exit_code" in run else ""
    hint(f"Took {duration(run.get('duration_ms'))}{code}.")
    if why := reason(run):
        say(Text(why, "red"))
    if output := run.get("output"):
        stdout().print(_pretty(output), soft_wrap=True)


def _pretty(output: str) -> str:
    """Return JSON on several lines, anything else (the URI of a large output) as it is."""
    try:
        return json.dumps(json.loads(output), indent=2, ensure_ascii=False)
    except ValueError:
        return output
