"""Any story of a few jobs: edits, faults, what people do by hand; then quiet."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from provisioner.errors import PermanentError
from provisioner.jobs.row_content import content_digest
from provisioner.stacks.model import Deployment
from provisioner.stacks.rollback import row_for, target_of
from tests.simulation.stacks.bug import NO_BUG, Bug
from tests.simulation.stacks.builds import builds_images, with_builds
from tests.simulation.stacks.canaries import with_canary
from tests.simulation.stacks.cloudformation import BROKEN_HANDLER
from tests.simulation.stacks.code import KEYS, MISSING
from tests.simulation.stacks.deeds import DEEDS_ON_STACKS, deed, trouble
from tests.simulation.stacks.mishaps import fault
from tests.simulation.stacks.rows import row_of
from tests.simulation.stacks.tables import Row
from tests.simulation.stacks.upgrades import with_upgrade
from tests.simulation.stacks.world import World
from tests.simulation.stories import Step, Story, swarm

NAMES = ("alpha", "beta", "gamma")

GOOD = (
    {"memory_mb": 128},
    {"memory_mb": 256},
    {"memory_mb": 512},
    {"memory_mb": 128, "deletion_policy": "retain"},
    {"memory_mb": 256, "deletion_policy": "retain"},
    {"memory_mb": 128, "deployment_mode": "express"},
    {"memory_mb": 512, "deployment_mode": "express"},
)
CODE = (
    {"bundle": "s3://bundles/other.zip"},
    {"bundle": "s3://bundles/report.zip?versionId=v1"},
    {"pin": {"version": "v1"}},
)
OTHER = (
    {"handler": BROKEN_HANDLER},
    {"handler": BROKEN_HANDLER, "memory_mb": 256},
    {"handler": BROKEN_HANDLER, "deployment_mode": "express"},
    {"memory_mb": 128, "paused": True},
    {"memory_mb": 256, "paused": True, "deletion_policy": "retain"},
    {"memory_mb": 1},
    {"type": "nonsense"},
    {"bundle": MISSING},
)
ROWS = (*GOOD, *GOOD, *CODE, *OTHER, None)
JOBS = (NAMES[0], NAMES[0], NAMES[0], *NAMES[1:])
THEN_SECONDS = (0, 1, 5, 20, 60, 200)
WAIT_SECONDS = (10, 60, 200, 900, 4000)
MOST_STEPS = 25
WITH_UPGRADE = 0.2
"""Share of the stories in which the provisioner itself is upgraded."""
WITH_BUILDS = 0.2
"""Share of the stories in which a job is built from source."""
WITH_CANARY = 0.15
"""Share of the stories in which a job's first runs decide about its deployments."""
MOST_TURNS = 12


@dataclass(frozen=True)
class Write:
    """A row is put, changed or removed."""

    name: str
    row: dict[str, object] | None
    then_seconds: float

    def happen(self, world: World) -> None:
        world.jobs.write(self.name, row_of(self.name, self.row))
        world.run(self.then_seconds)


@dataclass(frozen=True)
class Push:
    """New code comes: of all jobs whose rows name it without a version."""

    key: str
    is_lost: bool
    then_seconds: float

    def happen(self, world: World) -> None:
        world.events.to_lose += self.is_lost
        world.push(self.key)
        world.run(self.then_seconds)


@dataclass(frozen=True)
class RollBack:
    """A person rolls a job back: to a deployment, or to the one before what its row asks for."""

    name: str
    number: int | None
    then_seconds: float

    def happen(self, world: World) -> None:
        row, record = world.jobs.rows.get(self.name), world.stacks.records.get(self.name)
        if row is None or record is None:
            return
        pin = {"since": "2026-11-26T09:00:00Z", "note": "rolled back"}
        try:
            target = target_of(record, row, self.number)
            written = row_for(record, row, target, partial(_row_of, world, self.name), pin)
        except PermanentError:
            return  # there is nothing to go back to, which a person is told
        world.jobs.write(self.name, written)
        world.run(self.then_seconds)


def _row_of(world: World, name: str, deployment: Deployment) -> Row | None:
    rows = (edit.new for edit in world.jobs.edits if edit.job_name == name and edit.new)
    return next((row for row in rows if content_digest(row) == deployment.row_content), None)


@dataclass(frozen=True)
class Race:
    """Two functions reconcile a job at the same time, while its row changes."""

    name: str
    row: dict[str, object] | None
    turns: tuple[int, ...]

    def happen(self, world: World) -> None:
        world.race(self.name, row_of(self.name, self.row), list(self.turns))


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float

    def happen(self, world: World) -> None:
        world.run(self.seconds)


@dataclass(frozen=True)
class Interfere:
    """Something goes wrong, or somebody acts by hand: with one job, or with all."""

    what: Step
    name: str | None
    then_seconds: float

    def happen(self, world: World) -> None:
        self.what.happen(world)
        world.truth.changed(self.name)
        world.run(self.then_seconds)


def _write(chance: random.Random, name: str) -> Step:
    return Write(name, chance.choice(ROWS), chance.choice(THEN_SECONDS))


def _push(chance: random.Random, _name: str) -> Step:
    key, is_lost = chance.choice((KEYS[0], *KEYS)), chance.random() < 0.25
    return Push(key, is_lost, chance.choice(THEN_SECONDS))


def _roll_back(chance: random.Random, name: str) -> Step:
    number = chance.choice((None, None, 1, 2, 3))
    return RollBack(name, number, chance.choice(THEN_SECONDS))


def _race(chance: random.Random, name: str) -> Step:
    turns = [chance.randint(0, 2) for _ in range(chance.randint(0, MOST_TURNS))]
    return Race(name, chance.choice(ROWS), tuple(turns))


def _wait(chance: random.Random, _name: str) -> Step:
    return Wait(chance.choice(WAIT_SECONDS))


def _go_wrong(chance: random.Random, name: str) -> Step:
    return Interfere(fault(chance, name), None, chance.choice(THEN_SECONDS))


def _break(chance: random.Random, name: str) -> Step:
    return Interfere(trouble(chance, name), name, 0)


def _act_by_hand(chance: random.Random, name: str) -> Step:
    return Interfere(deed(chance, name), name, chance.choice(THEN_SECONDS))


def _is_by_hand(step: Step) -> bool:
    """Tell whether a person changes a stack, so that nobody knows what a run then runs."""
    return isinstance(step, Interfere) and isinstance(step.what, DEEDS_ON_STACKS)


KINDS: tuple[Callable[[random.Random, str], Step], ...] = (
    *(_write, _push, _race, _wait),
    *(_go_wrong, _break, _act_by_hand, _roll_back),
)


class StacksStory(Story):
    """What must hold at every step, and at the end, is the world's own (`Truth`)."""

    world = "stacks"

    @classmethod
    def draw(cls, seed: int) -> StacksStory:
        chance = random.Random(seed)
        kinds = swarm(chance, KINDS)
        first = Write(NAMES[0], chance.choice(ROWS), 5)
        others = [
            chance.choice(kinds)(chance, chance.choice(JOBS))
            for _ in range(chance.randint(1, MOST_STEPS))
        ]
        trouble, steps = chance.choice((0.0, 0.1, 0.4)), (first, *others)
        kind = chance.random()
        if kind < WITH_UPGRADE:
            steps = with_upgrade(chance, steps, THEN_SECONDS)
        elif kind < WITH_UPGRADE + WITH_BUILDS:
            steps = with_builds(chance, steps, NAMES[0], THEN_SECONDS)
            if builds_images(steps):
                steps = tuple(step for step in steps if not _is_by_hand(step))
        elif kind < WITH_UPGRADE + WITH_BUILDS + WITH_CANARY:
            others = [step for step in steps if not _is_by_hand(step)]
            steps = with_canary(chance, others, NAMES[0], THEN_SECONDS)
        return cls(seed, trouble, steps)

    def begin(self, bug: Bug | None) -> World:
        world = World(bug or NO_BUG)
        world.chance.seed(self.seed)
        world.set_trouble(self.trouble)
        return world
