"""What is too much for every commit: each commit draws a part of it, the night takes all."""

from __future__ import annotations

import os
import subprocess
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pytest

T = TypeVar("T")

WHOLE = "TESTS_WHOLE"
"""Variable: whether nothing is left out; `make test-night` sets it."""


def commit() -> str:
    """Return the hash of the commit, empty without git: the sources came as an archive."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return found.stdout.strip()


def whole() -> bool:
    """Tell whether nothing is to be left out."""
    return bool(os.environ.get(WHOLE))


def examples(count: int) -> int:
    """Return how many of so many examples to draw: a quarter on a commit, all by night."""
    return count if whole() else count // 4


def one_of(parts: int, items: Sequence[T]) -> Sequence[T]:
    """Return one of so many equal parts, another with each commit; everything by night."""
    if whole():
        return items
    return items[zlib.crc32(commit().encode()) % parts :: parts]


def leave_half_to_the_night(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that this commit does not draw as those of the night.

    Who runs them without `-m "not night"` gets them all.
    """
    by_name = {item.nodeid: item for item in items}
    for left in by_name.keys() - {*one_of(2, sorted(by_name))}:
        by_name[left].add_marker("night")
