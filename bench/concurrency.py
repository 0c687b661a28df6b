"""Functions that run side by side on a clock of their own: threads, of which one runs at a time."""

from __future__ import annotations

import heapq
import threading
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Clock:
    """What happens when. A function that waits for a service lets the others go on."""

    def __init__(self) -> None:
        self.now = START
        self._coming: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._idle = threading.Semaphore(0)

    def __call__(self) -> datetime:
        return self.now

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return (self.now - START).total_seconds()

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        due = self.now + timedelta(seconds=seconds)
        heapq.heappush(self._coming, (due, next(self._order), happen))

    def wait(self, seconds: float) -> None:
        """Let time pass for the function that is running; to be called in its thread only."""
        go_on = threading.Semaphore(0)
        self.after(seconds, lambda: self._hand_over(go_on.release))
        self._idle.release()
        go_on.acquire()

    def start(self, work: Callable[[], None]) -> None:
        """Begin to run a function."""

        def run() -> None:
            try:
                work()
            finally:
                self._idle.release()

        self._hand_over(threading.Thread(target=run, daemon=True).start)

    def _hand_over(self, begin: Callable[[], None]) -> None:
        begin()
        self._idle.acquire()

    def run(self) -> None:
        """Let everything happen."""
        while self._coming:
            self.now, _, happen = heapq.heappop(self._coming)
            happen()
