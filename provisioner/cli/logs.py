"""`provisioner logs`: what a job logs."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli.display import hint, stdout
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command, seconds_of
from provisioner.cli.session import session
from provisioner.service.context import Service
from provisioner.service.logs import LogEvent, Tail, events, group_of, of_run
from provisioner.terminal import coloured

app = one_command()

POLL_SECONDS = 1.0


@app.command()
def logs(
    job: JobArgument,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show new lines as they come, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str,
        typer.Option("--since", metavar="DURATION", help="Only the last 90s, 10m, 2h, 1d, ..."),
    ] = "10m",
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            show_default=False,
            help="Only this run, from its beginning; --since is ignored.",
        ),
    ] = None,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the logs of all runs of a job, or of one, oldest line first."""
    since_seconds = seconds_of(since)
    with session(stack) as service:
        if run is not None:
            _show_run(service, job, run, follow=follow)
            return
        group = group_of(service, job)
        since_ms = int((service.clock().timestamp() - since_seconds) * 1000)
        found = (
            followed(Tail(service, group, since_ms)) if follow else events(service, group, since_ms)
        )
        shown = False
        for event in found:
            shown = True
            show(event)
    if not shown:
        hint(f"No lines in {group} since then; go further back with --since 1d.")


def _show_run(service: Service, job: str, run: str, *, follow: bool) -> None:
    cursor: str | None = None
    shown = False
    while True:
        found = of_run(service, job, run, cursor=cursor, newest_first=False)
        for event in found.events:
            shown = True
            show(event)
        if found.newer is None or (not follow and not found.events):
            break
        if not found.events:
            time.sleep(POLL_SECONDS)
        cursor = found.newer
    if not shown:
        hint(f"No lines: {found.note}." if found.note else f"{run} has logged nothing.")


def followed(tail: Tail, poll_seconds: float = POLL_SECONDS) -> Iterator[LogEvent]:
    """Yield the events of a log group, each once, and new ones as they come, without end."""
    while True:
        yield from tail.new()
        time.sleep(poll_seconds)


def show(event: LogEvent) -> None:
    """Print one event."""
    stamp = event.at.astimezone().strftime("%m-%d %H:%M:%S")
    line = Text.assemble((stamp, "dim"), "  ", coloured(event.message.rstrip()))
    stdout().print(line, soft_wrap=True)
