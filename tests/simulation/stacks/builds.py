"""What happens to a job that is built from source, in the middle of any story."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.stacks.code import BUCKET, SOURCE
from tests.simulation.stacks.rows import row_of
from tests.simulation.stacks.world import World
from tests.simulation.stories import Step

OF_IMAGES = 0.4
"""Share of the stories of builds in which an image is built, for a container."""
_BUILD = {"source": f"s3://{BUCKET}/{SOURCE}"}
_ROWS: tuple[dict[str, object], ...] = (
    {"memory_mb": 128, "build": _BUILD},
    {"memory_mb": 128, "build": _BUILD},
    {"memory_mb": 256, "build": _BUILD},
    {"memory_mb": 128, "build": {**_BUILD, "context": "other"}},
    {"memory_mb": 128, "build": _BUILD, "paused": True},
    {"memory_mb": 128, "build": _BUILD, "deletion_policy": "retain"},
    {"memory_mb": 128, "bundle": "s3://bundles/other.zip"},
)


_CONTAINER = {"type": "ecs", "runtime": None, "handler": None, "cpu": 256}
_MEMORY_MB: dict[object, int] = {128: 512, 256: 1024}


@dataclass(frozen=True)
class WriteSource:
    """A row is put that is built from source, or no longer is."""

    name: str
    row: dict[str, object]
    then_seconds: float

    @property
    def attributes(self) -> dict[str, object]:
        return {"bundle": None, **self.row}

    def happen(self, world: World) -> None:
        world.jobs.write(self.name, row_of(self.name, self.attributes))
        world.run(self.then_seconds)


@dataclass(frozen=True)
class WriteImageSource(WriteSource):
    """The same of a container, whose image is built."""

    @property
    def attributes(self) -> dict[str, object]:
        shared = {"bundle": None, **self.row}
        if "build" not in self.row:
            return shared
        return shared | _CONTAINER | {"memory_mb": _MEMORY_MB[self.row["memory_mb"]]}


@dataclass(frozen=True)
class PushSource:
    """New source comes, so often within a second."""

    times: int
    is_lost: bool
    then_seconds: float

    def happen(self, world: World) -> None:
        world.events.to_lose += self.is_lost
        for _ in range(self.times):
            world.push(SOURCE)
            world.run(0.4)
        world.run(self.then_seconds)


@dataclass(frozen=True)
class BuildsFail:
    """The next builds fail."""

    count: int

    def happen(self, world: World) -> None:
        world.codebuild.to_fail += self.count


@dataclass(frozen=True)
class FunctionDiesAfterItsStart:
    """The function that starts the next build dies before it can say so."""

    count: int

    def happen(self, world: World) -> None:
        world.codebuild.to_die += self.count


@dataclass(frozen=True)
class BuildEventIsLost:
    """The next event never comes: that of a build's end, as likely as not."""

    then_seconds: float

    def happen(self, world: World) -> None:
        world.events.to_lose += 1
        world.run(self.then_seconds)


@dataclass(frozen=True)
class SomebodyStopsBuilds:
    """A person stops the builds of a job in CodeBuild."""

    name: str
    then_seconds: float

    def happen(self, world: World) -> None:
        world.codebuild.stop_by_hand(self.name)
        world.run(self.then_seconds)


@dataclass(frozen=True)
class BuildsAreForgotten:
    """CodeBuild does not know the builds of a job any more."""

    name: str
    then_seconds: float

    def happen(self, world: World) -> None:
        world.codebuild.forget(self.name)
        world.run(self.then_seconds)


@dataclass(frozen=True)
class NoRoomForBuilds:
    """No further build is taken until some have ended, or at all."""

    room: int
    then_seconds: float

    def happen(self, world: World) -> None:
        world.codebuild.room = self.room
        world.run(self.then_seconds)


@dataclass(frozen=True)
class TryAgain:
    """A person has a job tried again."""

    name: str
    then_seconds: float

    def happen(self, world: World) -> None:
        world.retry(self.name)
        world.run(self.then_seconds)


def with_builds(
    chance: random.Random, steps: Sequence[Step], name: str, then_seconds: Sequence[float]
) -> tuple[Step, ...]:
    """Return half the steps of a story with builds of a job among them."""
    merged = [steps[0], *(step for step in steps[1:] if chance.random() < 0.5)]
    for _ in range(chance.randint(3, 10)):
        step = _happening(chance, name, chance.choice(then_seconds))
        merged.insert(chance.randint(1, len(merged)), step)
    first = WriteSource(name, _ROWS[0], chance.choice(then_seconds))
    whole = (*merged[:1], first, *merged[1:])
    if chance.random() < OF_IMAGES:
        return tuple(_of_image(step) for step in whole)
    return whole


def builds_images(steps: Sequence[Step]) -> bool:
    """Tell whether a story builds images, whose repository is in the job's stack."""
    return any(isinstance(step, WriteImageSource) for step in steps)


def _of_image(step: Step) -> Step:
    if isinstance(step, WriteSource):
        return WriteImageSource(step.name, step.row, step.then_seconds)
    return step


def _happening(chance: random.Random, name: str, then: float) -> Step:
    return chance.choice(
        (
            *(PushSource(chance.choice((1, 1, 2)), chance.random() < 0.2, then),) * 3,
            *(WriteSource(name, chance.choice(_ROWS), then),) * 2,
            BuildsFail(chance.choice((1, 1, 2))),
            BuildEventIsLost(then),
            *(FunctionDiesAfterItsStart(chance.choice((1, 1, 2))),) * 2,
            SomebodyStopsBuilds(name, then),
            BuildsAreForgotten(name, then),
            NoRoomForBuilds(chance.choice((0, 1)), then),
            TryAgain(name, then),
        )
    )
