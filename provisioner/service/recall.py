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
        if name not in self._kept or not _is_fresh(self._kept[name][0], now):
            stale = [each for each, (at, _) in self._kept.items() if not _is_fresh(at, now)]
            for each in stale:  # names may come from addresses, so there are any number of them
                del self._kept[each]
            self._kept[name] = now, read()
        kept: T = self._kept[name][1]
        return kept


def _is_fresh(at: datetime, now: datetime) -> bool:
    return timedelta() <= now - at < KEPT
