"""Waiting for conditions, never for times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 120
"""How long a condition may take to come while the whole suite is at the engine."""
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0


def wait_until(look: Callable[[], T], what: str, *, timeout_seconds: float = SECONDS) -> T:
    """Return the first true answer of `look`, asked less often the longer it takes."""
    deadline = time.monotonic() + timeout_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come within {timeout_seconds} s"
        time.sleep(pause)
        pause = min(pause * 1.2, _LONGEST_PAUSE_SECONDS)
