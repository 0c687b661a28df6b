"""Waiting for jobs and runs, and showing it: live on a terminal, a line a change elsewhere."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from provisioner.cli.display import say, span, status, stderr
from provisioner.cli.exits import StillGoingError
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from rich.console import Console, ConsoleOptions, RenderResult

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
_PAUSE_GROWTH = 1.3


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one thing stands; `good` is for the end only."""

    status: str
    done: bool = False
    good: bool = False


@dataclass(slots=True)
class _Board:
    """What is shown: what was there at first, and what became of it."""

    console: Console
    live: bool
    started_at: float = field(default_factory=time.monotonic)
    shown: dict[str, Progress] = field(default_factory=dict)
    ended_after: dict[str, float] = field(default_factory=dict)
    spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))

    def show(self, states: Mapping[str, Progress]) -> None:
        for name, state in states.items():
            if state == self.shown.get(name):
                continue
            self.shown[name] = state
            if state.done:
                self.ended_after[name] = self.elapsed()
            if not self.live:
                say(Text.assemble(f"{name}: ", status(state.status)))

    def elapsed(self) -> float:
        return time.monotonic() - self.started_at

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = Table.grid(padding=(0, 2, 0, 0))
        for name, state in self.shown.items():
            mark = Text("✓", "green") if state.good else Text("✗", "red")
            length = timedelta(seconds=self.ended_after.get(name, self.elapsed()))
            grid.add_row(
                mark if state.done else self.spinner,
                Text(name),
                status(state.status),
                Text(span(length), "dim"),
            )
        yield grid


def wait(
    look: Callable[[], Mapping[str, Progress]],
    timeout_seconds: float,
    goes_on: str,
    *,
    live: bool = True,
) -> Mapping[str, Progress]:
    """Look again and again until everything is done.

    Parameters
    ----------
    look
        Returns the same things each time, with where they stand.
    timeout_seconds
        After these, `StillGoingError` says `goes_on`.
    live
        Whether a terminal shows it in place, which leaves no room for anything else.
    """
    console = stderr()
    board = _Board(console, live and console.is_terminal and not console.is_dumb_terminal)
    states: Mapping[str, Progress] = {}
    trouble = ""
    pause_seconds = _FIRST_PAUSE_SECONDS
    with _display(board):
        while True:
            try:
                states, trouble = look(), ""
            except (
                TemporaryError
            ) as error:  # a throttle, a lost connection: the next may be luckier
                trouble = f" ({error})"
            board.show(states)
            if states and all(state.done for state in states.values()):
                return states
            left_seconds = timeout_seconds - board.elapsed()
            if left_seconds <= 0:
                break
            time.sleep(min(pause_seconds, left_seconds))
            pause_seconds = min(pause_seconds * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
    raise StillGoingError(f"{goes_on}{trouble}")


def _display(board: _Board) -> AbstractContextManager[object]:
    if not board.live:
        return nullcontext()
    return Live(board, console=board.console, refresh_per_second=10)
