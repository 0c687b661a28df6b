"""`provisioner logs`: what a job logs."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli.display import hint, stdout
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command, seconds_of
from provisioner.cli.session import session
from provisioner.service.logs import LogEvent, Tail, events, group_of
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
        typer.Option("--since", metavar="DURATION", help="From how long ago: 90s, 10m, 2h, 1d."),
    ] = "10m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show the logs of all runs of a job, oldest line first."""
    since_seconds = seconds_of(since)
    with session(stack) as service:
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
