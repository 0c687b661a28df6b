"""A story of one world: what happens in it is drawn from a seed, played, and shrunk if it fails.

A seed is written with its world, `stacks/7`, `runs/7` or `migration/7`, and stands for one story.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

from tests.simulation.faults import Broken, Crash
from tests.simulation.timeline import Timeline

S = TypeVar("S", bound="Story")
T = TypeVar("T")

FAILURES = (Exception, Broken, Crash)
SEEDS_OF_A_SHARD = 100_000
_KEPT = 0.75


class World(Protocol):
    """Where a story takes place."""

    @property
    def timeline(self) -> Timeline: ...

    def settle(self) -> None:
        """Let all faults end and everything come to rest; check that it is as it should be."""


class Step(Protocol):
    """Something that happens."""

    def happen(self, world: Any) -> None:
        """Have it happen, and what follows from it for a while."""


@dataclass(frozen=True)
class Story(ABC):
    """What one seed stands for.

    Attributes
    ----------
    trouble
        Share of what is delivered late, twice or not at all.
    """

    world: ClassVar[str]
    seed: int
    trouble: float
    steps: tuple[Step, ...]

    @classmethod
    @abstractmethod
    def draw(cls: type[S], seed: int) -> S:
        """Return the story of a seed."""

    @abstractmethod
    def begin(self, bug: Any) -> World:
        """Return the world at the beginning, with a planted bug, or None for none."""

    def end(self, bug: Any = None) -> tuple[Any, BaseException | None]:
        """Let it all happen; return the world, and why the story failed if it did."""
        world = self.begin(bug)
        try:
            for step in self.steps:
                step.happen(world)
            world.settle()
        except FAILURES as error:
            return world, error
        return world, None

    def fails(self, bug: Any = None) -> bool:
        return self.end(bug)[1] is not None

    def without(self, at: int, count: int = 1) -> Self:
        """Return the story without some of its steps."""
        return replace(self, steps=self.steps[:at] + self.steps[at + count :])

    def __str__(self) -> str:
        steps = "\n".join(f"  {step}" for step in self.steps)
        return f"{self.world}/{self.seed}, trouble {self.trouble}\n{steps}"


def shrunk(story: S, fails: Callable[[S], bool]) -> S:
    """Return a story that fails with as few steps as possible: each of them is needed."""
    calm = replace(story, trouble=0.0)
    story = calm if story.trouble and fails(calm) else story
    count = max(1, len(story.steps) // 2)
    while True:
        fewer = _with_fewer(story, fails, count)
        if count == 1 and fewer is story:
            return story
        story, count = fewer, max(1, count // 2)


def _with_fewer(story: S, fails: Callable[[S], bool], count: int) -> S:
    """Leave out `count` steps at a time, wherever the story fails without them too."""
    at = 0
    while at < len(story.steps):
        fewer = story.without(at, count)
        if fails(fewer):
            story = fewer
        else:
            at += count
    return story


def play(story: Story, bug: Any = None, *, shrink: bool = True) -> Any:
    """Play a story and return its world; one that fails is shrunk, unless nobody will read it."""
    world, error = story.end(bug)
    if error is None:
        return world
    if shrink:
        least = shrunk(story, lambda other: other.fails(bug))
        there, why = least.end(bug)
        error.add_note(f"What happened in the least that fails:\n{there.timeline.diary()}")
        error.add_note(f"The least that fails: {least}\nIt fails with: {why!r}")
    error.add_note(f"Again, and shrunk: make simulate SEED={story.world}/{story.seed}")
    raise error


def explore(
    kind: type[Story],
    shard: int,
    stories: int,
    bug: Any = None,
    *,
    shrink: bool = True,
    having: type[Step] | None = None,
) -> None:
    """Play as many stories of a shard, or those of them that have a step of a kind."""
    first = shard * SEEDS_OF_A_SHARD
    for story in map(kind.draw, range(first, first + stories)):
        if having is None or any(isinstance(step, having) for step in story.steps):
            play(story, bug, shrink=shrink)


def swarm(chance: random.Random, kinds: Sequence[T]) -> Sequence[T]:
    """Return some of the kinds of steps: stories differ most by what never happens in them."""
    return [kind for kind in kinds if chance.random() < _KEPT] or kinds
