"""What every reader is shown alike is read once in a moment, not once for each reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

KEPT = timedelta(seconds=2)
"""As often as the console asks while something moves."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What this process has read in the last two seconds, by name."""

    clock: Callable[[], datetime]
    _kept: dict[str, tuple[datetime, Any]] = field(default_factory=dict)

    def get(self, name: str, read: Callable[[], T]) -> T:
        """Return what `read` returns now, or has returned a moment ago."""
        now = self.clock()
        if name not in self._kept or not timedelta() <= now - self._kept[name][0] < KEPT:
            self._kept[name] = now, read()
        found: T = self._kept[name][1]
        return found
