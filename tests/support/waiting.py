"""Waiting for conditions, never for times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(look: Callable[[], T], what: str, *, timeout_seconds: float = 60) -> T:
    """Return the first true answer of `look`."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come within {timeout_seconds} s"
        time.sleep(0.05)
