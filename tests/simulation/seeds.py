"""Which seeds the simulation plays: those that each commit draws, some always, more by night.

A seed is written with its world, `stacks/7`; a shard is the stories of many seeds in a row. A seed
that once found a bug joins `FOUND` (`test_stories.py`), which each commit plays.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from tests.simulation.stories import Story
from tests.support.drawn import commit, whole

DRAWN = 1
NIGHT = "SIMULATION_NIGHT"
"""Variable: how many shards to draw, and a word to draw them by: ``4000/2026-11-25``."""


SEED = "SIMULATION_SEED"
"""Variable: seeds to play again, `make simulate SEED="stacks/7 runs/7"`."""


def story_of(seed: str, kinds: Iterable[type[Story]]) -> Story:
    """Return the story of a seed in text.

    Raises
    ------
    ValueError
        If it does not name one of the worlds.
    """
    world, _, number = seed.partition("/")
    for kind in kinds:
        if kind.world == world and number.isdecimal():
            return kind.draw(int(number))
    wanted = " or ".join(f"{kind.world}/7" for kind in kinds)
    raise ValueError(f"{seed!r} is not a seed: write it as {wanted}")


def shards(fixed: tuple[int, ...]) -> list[int]:
    """Return the shards of this run: those that the commit or the night draws.

    To be whole, and where none is drawn, it plays the fixed ones too.

    Without git (the sources came as an archive) there is no commit to draw by.
    """
    if night := os.environ.get(NIGHT):
        count, _, word = night.partition("/")
        return _drawn(word, int(count))
    drawn = _drawn(commit(), DRAWN) if commit() else []
    return [*fixed, *drawn] if whole() or not drawn else drawn


def _drawn(word: str, count: int) -> list[int]:
    digests = (hashlib.sha256(f"{word}/{number}".encode()).digest() for number in range(count))
    return [int.from_bytes(digest[:4]) for digest in digests]
