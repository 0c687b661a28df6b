"""Any story of an upgrade from tables that could not be listed: runs of both versions, faults."""

from __future__ import annotations

import random
from dataclasses import dataclass

from provisioner.runs.model import RunStatus
from tests.simulation.migration.bug import NO_BUG, Bug
from tests.simulation.migration.world import JOBS, World
from tests.simulation.mishaps import FunctionDies, ServiceIsUnwell
from tests.simulation.stories import Step, Story

ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED)
"""Of earlier runs."""
ENDS = (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.SKIPPED, RunStatus.STOPPED)
"""Of runs whose ends are heard; that of a failed run leads to more than lists."""
RUN_SECONDS = (0.1, 1, 20, 400)
THEN_SECONDS = (0.1, 5, 60, 200, 900)
OPERATIONS = ("scan", "query", "get_item", "put_item", "update_item", "")
MOST_EARLIER = 12
MOST_RUNS = 25


@dataclass(frozen=True)
class EarlierRun:
    """A run ended before there was this version."""

    job_name: str
    status: RunStatus
    has_old_shard: bool

    def happen(self, world: World) -> None:
        world.earlier_run(self.job_name, self.status, has_old_shard=self.has_old_shard)


@dataclass(frozen=True)
class Deploy:
    """The functions become new, each some time after so many seconds."""

    seconds: float

    def happen(self, world: World) -> None:
        world.timeline.after(self.seconds, world.deploy)


@dataclass(frozen=True)
class UpdateStack:
    """The job's workflow becomes that of the new version."""

    job_name: str

    def happen(self, world: World) -> None:
        world.new_workflows.add(self.job_name)


@dataclass(frozen=True)
class BeginRun:
    """A workflow writes a run, and its end some time later."""

    job_name: str
    status: RunStatus
    has_old_shard: bool
    seconds: float
    then_seconds: float

    def happen(self, world: World) -> None:
        world.begin_run(self.job_name, self.status, self.seconds, has_old_shard=self.has_old_shard)
        world.run(self.then_seconds)


@dataclass(frozen=True)
class MigrationStory(Story):
    """The first hour of a bootstrap that is upgraded."""

    world = "migration"

    @classmethod
    def draw(cls, seed: int) -> MigrationStory:
        chance = random.Random(seed)
        trouble = chance.choice((0, 0.02, 0.1))
        steps: list[Step] = [
            EarlierRun(chance.choice(JOBS), chance.choice(ENDED), chance.random() < 0.5)
            for _ in range(chance.randint(0, MOST_EARLIER))
        ]
        steps.append(Deploy(chance.uniform(0, 600)))
        for _ in range(chance.randint(3, MOST_RUNS)):
            if chance.random() < 0.1:
                steps.append(UpdateStack(chance.choice(JOBS)))
            steps.append(
                BeginRun(
                    chance.choice(JOBS),
                    chance.choice(ENDS),
                    chance.random() < 0.5,
                    chance.choice(RUN_SECONDS),
                    chance.choice(THEN_SECONDS),
                )
            )
            if trouble and chance.random() < 0.1:
                steps.append(_fault(chance))
        return cls(seed, trouble, tuple(steps))

    def begin(self, bug: Bug | None) -> World:
        return World(random.Random(self.seed), self.trouble, bug or NO_BUG)


def _fault(chance: random.Random) -> Step:
    if chance.random() < 0.5:
        return FunctionDies(chance.randint(0, 20), chance.random() < 0.5)
    error, minutes = chance.choice(("unwell", "throttled")), chance.choice((0.5, 2, 10))
    return ServiceIsUnwell(chance.choice(OPERATIONS), error, minutes, 1)
