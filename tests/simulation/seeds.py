"""Which seeds the simulation plays: some always, some that each commit draws, more by night.

A seed that once found a bug joins the fixed ones, so that it is played for ever.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

DRAWN = 4
NIGHT = "SIMULATION_NIGHT"
"""Variable: how many seeds to draw, and a word to draw them by: ``4000/2026-11-25``."""


def seeds(fixed: tuple[int, ...]) -> list[int]:
    """Return the seeds of this run: by night only drawn ones, else the fixed and some drawn.

    Without git (the sources came as an archive) there is no commit to draw by.
    """
    if night := os.environ.get(NIGHT):
        count, _, word = night.partition("/")
        return _drawn(word, int(count))
    commit = _commit()
    return [*fixed, *(_drawn(commit, DRAWN) if commit else ())]


def _drawn(word: str, count: int) -> list[int]:
    digests = (hashlib.sha256(f"{word}/{number}".encode()).digest() for number in range(count))
    return [int.from_bytes(digest[:4]) for digest in digests]


def _commit() -> str:
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return found.stdout.strip()
