"""Say what is happening as it happens: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from provisioner.terminal import CleanConsole

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console


class Say(Protocol):
    """How the steps report; a library caller may pass `silent`."""

    def __call__(self, event: str) -> None:
        """Report one event."""


def silent(event: str) -> None:
    """Report nothing."""


class ProgressPrinter:
    """Reports events with the seconds since the start.

    On a terminal the last event spins with its own running time until the next one comes;
    elsewhere each event is one line.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or CleanConsole()
        self._started = time.monotonic()
        self._live: Live | None = None
        self._current: Text | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(Text(), console=self._console, refresh_per_second=10, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._print_current(done=kind is None)
            self._live.stop()
            self._live = None

    def __call__(self, event: str) -> None:
        """Report one event."""
        elapsed = time.monotonic() - self._started
        if self._live is None:
            self._console.print(f"{elapsed:6.1f} s  {event}", soft_wrap=True, markup=False)
            return
        self._print_current(done=True)
        self._current = Text(f"{elapsed:5.1f} s  {event}")
        self._live.update(Spinner("dots", text=self._current))

    def _print_current(self, *, done: bool) -> None:
        """Print the event that spun until now as a line that stays."""
        if self._live is None or self._current is None:
            return
        mark = Text("✓ ", style="green") if done else Text("✗ ", style="red")
        self._live.console.print(mark.append_text(self._current))
        self._current = None
        self._live.update(Text())
