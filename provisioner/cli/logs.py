"""`provisioner logs`: what a job prints."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from provisioner.aws import logs as log_groups
from provisioner.aws.clients import Clients
from provisioner.aws.logs import LogEvent
from provisioner.cli.display import hint, stdout
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command, seconds_of
from provisioner.cli.session import session
from provisioner.errors import TemporaryError
from provisioner.terminal import coloured

app = one_command()

POLL_SECONDS = 1.0
LATE_MS = 30_000
"""How much later than its time an event may become visible; events come unordered."""


@app.command()
def logs(
    job: JobArgument,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on showing new lines, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str,
        typer.Option("--since", metavar="DURATION", help="From how long ago: 90s, 10m, 2h, 1d."),
    ] = "10m",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Show what a job prints, of all its runs, oldest first."""
    since_seconds = seconds_of(since)
    with session(stack) as here:
        group = here.output_of(job, "LogGroup")
        since_ms = int((time.time() - since_seconds) * 1000)
        read = followed if follow else log_groups.events
        events = read(here.clients, group, since_ms)
        shown = False
        for event in events:
            shown = True
            show(event)
    if not shown:
        hint(f"Nothing in {group} since then; go further back with --since 1d.")


class Tail:
    """The end of a log group: what is new in it since the last look."""

    def __init__(self, clients: Clients, log_group: str, since_ms: int) -> None:
        self._clients = clients
        self._log_group = log_group
        self._since_ms = since_ms
        self._seen: Counter[LogEvent] = Counter()

    def new(self) -> Iterator[LogEvent]:
        """Yield the events that were not there before."""
        now: Counter[LogEvent] = Counter()
        try:
            for event in log_groups.events(self._clients, self._log_group, self._since_ms):
                now[event] += 1  # the same line may well be printed twice in a millisecond
                if now[event] > self._seen[event]:
                    yield event
            self._seen = now
        except TemporaryError:
            self._seen |= now
        newest_ms = max((event.timestamp_ms for event in self._seen), default=0)
        self._since_ms = max(self._since_ms, newest_ms - LATE_MS)


def followed(
    clients: Clients, log_group: str, since_ms: int, poll_seconds: float = POLL_SECONDS
) -> Iterator[LogEvent]:
    """Yield the events of a group, each once, and those to come, for ever."""
    tail = Tail(clients, log_group, since_ms)
    while True:
        yield from tail.new()
        time.sleep(poll_seconds)


def show(event: LogEvent) -> None:
    """Print one event."""
    stamp = event.at.astimezone().strftime("%m-%d %H:%M:%S")
    line = Text.assemble((stamp, "dim"), "  ", coloured(event.message.rstrip()))
    stdout().print(line, soft_wrap=True)
