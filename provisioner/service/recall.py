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

_READING = 5
"""What took long to read is kept for so many times as long: else many readers of a function that is
short of time would leave it none for anything but reading."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What this process has read in the last two seconds, by name."""

    clock: Callable[[], datetime]
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def get(self, name: str, read: Callable[[], T]) -> T:
        """Return what `read` returns now, or has returned a moment ago."""
        now = self.clock()
        stale = [each for each, kept in self._kept.items() if not kept.since <= now < kept.until]
        for each in stale:  # names may come from addresses, so there are any number of them
            del self._kept[each]
        if name not in self._kept:
            value = read()
            until = now + max(KEPT, _READING * (self.clock() - now))
            self._kept[name] = _Kept(value, now, until)
        found: T = self._kept[name].value
        return found


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    since: datetime
    until: datetime
