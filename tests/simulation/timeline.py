"""The clock, and what is to come."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Timeline:
    """Time passes only here: by what happens next, or because a call takes its time."""

    def __init__(self) -> None:
        self.now = START
        self._coming: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._diary: list[tuple[datetime, tuple[object, ...]]] = []

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def note(self, *what: object) -> None:
        """Write down what happens, for who reads of a failure."""
        self._diary.append((self.now, what))

    def diary(self) -> str:
        """Return what has happened, a line each."""
        return "\n".join(
            f"{at:%d. %H:%M:%S} {' '.join(map(str, what))}" for at, what in self._diary
        )

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Have something happen; what is due at the same time happens in the order of asking."""
        due = self.now + timedelta(seconds=seconds)
        heapq.heappush(self._coming, (due, next(self._order), happen))

    @property
    def is_empty(self) -> bool:
        return not self._coming

    def step(self, until: datetime) -> bool:
        """Let the next thing happen, if it is due by then."""
        if not self._coming or self._coming[0][0] > until:
            self.now = max(self.now, until)
            return False
        due, _, happen = heapq.heappop(self._coming)
        self.now = max(self.now, due)
        happen()
        return True
