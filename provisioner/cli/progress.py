"""Waiting for jobs and runs, and showing it: live on a terminal, a line a change elsewhere."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import typer
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from provisioner.cli.display import say, span, status, stderr
from provisioner.cli.exits import ExitCode, StillGoingError
from provisioner.errors import TemporaryError
from provisioner.service import following

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.console import Console, ConsoleOptions, RenderResult

    from provisioner.service.context import Service
    from provisioner.service.progress import Progress

JOBS_GO_ON = 'not all jobs are ready yet; follow the rest with "provisioner get"'

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
_PAUSE_GROWTH = 1.3


@dataclass(slots=True)
class _Board:
    """What is shown: each thing that is waited for, how far it has come and how long it took."""

    console: Console
    live: bool
    started_at: float = field(default_factory=time.monotonic)
    shown: dict[str, Progress] = field(default_factory=dict)
    ended_after: dict[str, float] = field(default_factory=dict)
    spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))

    def show(self, found: Mapping[str, Progress]) -> None:
        for name, progress in found.items():
            if progress == self.shown.get(name):
                continue
            self.shown[name] = progress
            if progress.done:
                self.ended_after[name] = self.elapsed()
            if not self.live:
                say(Text.assemble(f"{name}: ", status(progress.status)))

    def elapsed(self) -> float:
        return time.monotonic() - self.started_at

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = Table.grid(padding=(0, 2, 0, 0))
        for name, progress in self.shown.items():
            mark = Text("✓", "green") if progress.succeeded else Text("✗", "red")
            length = timedelta(seconds=self.ended_after.get(name, self.elapsed()))
            grid.add_row(
                mark if progress.done else self.spinner,
                Text(name),
                status(progress.status),
                Text(span(length), "dim"),
            )
        yield grid


def wait(
    progress: Callable[[], Mapping[str, Progress]],
    timeout_seconds: float,
    goes_on: str,
    *,
    live: bool = True,
) -> Mapping[str, Progress]:
    """Ask again and again until everything is done.

    Parameters
    ----------
    progress
        Returns the same things each time, with how far each has come.
    timeout_seconds
        After these, `StillGoingError` says `goes_on`.
    live
        Whether a terminal shows it in place, which leaves no room for anything else.
    """
    console = stderr()
    board = _Board(console, live and console.is_terminal and not console.is_dumb_terminal)
    found: Mapping[str, Progress] = {}
    trouble = ""
    with _display(board):
        for _ in _polls(board, timeout_seconds):
            try:
                found, trouble = progress(), ""
            except TemporaryError as error:  # a throttle, a lost connection: the next may succeed
                trouble = f" ({error})"
            board.show(found)
            if found and all(each.done for each in found.values()):
                return found
    raise StillGoingError(f"{goes_on}{trouble}")


def _polls(board: _Board, timeout_seconds: float) -> Iterator[None]:
    """Yield each time to ask, at growing intervals, and once more when the time is over."""
    pause_seconds = _FIRST_PAUSE_SECONDS
    yield
    while (left_seconds := timeout_seconds - board.elapsed()) > 0:
        time.sleep(min(pause_seconds, left_seconds))
        pause_seconds = min(pause_seconds * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
        yield


def wait_for_jobs(
    service: Service,
    progress: Callable[[], Mapping[str, Progress]],
    timeout_seconds: float,
    goes_on: str,
) -> None:
    """Wait for jobs as `wait` does; if some do not succeed, say why and end the command."""
    found = wait(progress, timeout_seconds, goes_on)
    failed = [name for name, each in found.items() if not each.succeeded]
    for name in failed:
        for line in following.reasons(service, name):
            say(Text.assemble((name, "bold"), f": {line}"))
    if failed:
        raise typer.Exit(ExitCode.ERROR)


def _display(board: _Board) -> AbstractContextManager[object]:
    if not board.live:
        return nullcontext()
    return Live(board, console=board.console, refresh_per_second=10)
