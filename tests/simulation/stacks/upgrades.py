"""What happens to a bootstrap that is upgraded, in the middle of any story."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from provisioner.stacks.upgrade import FailedRun, Upgrade, UpgradeStatus, abort, resume
from tests.simulation.faults import Death
from tests.simulation.stacks.cloudformation import LONGEST_SECONDS
from tests.simulation.stacks.code import KEYS
from tests.simulation.stacks.deeds import RECOVERABLE, TERMINAL, ResourceIsBroken
from tests.simulation.stacks.releases import FIRST
from tests.simulation.stacks.rows import row_of
from tests.simulation.stacks.world import World
from tests.simulation.stories import Step

FLEET = ("delta", "epsilon", "zeta", "eta")
VERSIONS = ("templates-b", "templates-c")
ASIDE: tuple[dict[str, object], ...] = (
    {"paused": True},
    {"memory_mb": 1},
    {"pin": {"version": "v1"}},
)
WAVES = ((100,), (40, 100), (20, 60, 100))


@dataclass(frozen=True)
class FleetIsThere:
    """More jobs than the story is about, each READY: what goes wrong for all happens to them."""

    count: int

    def happen(self, world: World) -> None:
        for name in FLEET[: self.count]:
            world.jobs.write(name, row_of(name, {"memory_mb": 128}))
        world.run(LONGEST_SECONDS)


@dataclass(frozen=True)
class SetAside:
    """A job of the fleet becomes one that no upgrade may touch, or that has newer code waiting."""

    name: str
    row: dict[str, object]

    def happen(self, world: World) -> None:
        world.jobs.write(self.name, row_of(self.name, {"memory_mb": 128, **self.row}))
        if "pin" in self.row:
            world.push(KEYS[0])
        world.run(LONGEST_SECONDS)


@dataclass(frozen=True)
class Release:
    """Another release of the provisioner is deployed, later or earlier than the one before."""

    version: str
    then_seconds: float

    def happen(self, world: World) -> None:
        world.releases.deploy(self.version, sorted({*world.lambdas.handlers} - {"run_stream"}))
        world.truth.changed()
        world.run(self.then_seconds)


@dataclass(frozen=True)
class BeginUpgrade:
    """A person begins an upgrade, and the sweep's first step may die at one of its calls."""

    waves: tuple[int, ...]
    soak_minutes: int
    pause_on_failures: int
    dies_after_calls: int | None
    then_seconds: float

    def happen(self, world: World) -> None:
        before, now = world.upgrades.kept, world.timeline.now
        if before is not None and before.ended_at is None:
            return  # which a person is told
        soak = timedelta(minutes=self.soak_minutes)
        name = f"upgrade-{before.version if before else 0}"
        begun = Upgrade(name, self.waves, soak, self.pause_on_failures, "anna", now)
        world.upgrades.write(begun)
        world.waves.begun(begun)
        if self.dies_after_calls is not None:
            world.faults.deaths.append(Death(self.dies_after_calls, after=True))
        _step(world, self.then_seconds)


@dataclass(frozen=True)
class ResumeUpgrade:
    """A person lets a paused upgrade go on, and may have what failed tried again."""

    retry_failed: bool
    then_seconds: float

    def happen(self, world: World) -> None:
        before = world.upgrades.kept
        if before is None or before.status is not UpgradeStatus.PAUSED:
            return
        world.waves.resumed(before)
        world.upgrades.write(resume(before))
        for failure in before.failures if self.retry_failed else ():
            world.retry(failure.job_name)
        _step(world, self.then_seconds)


@dataclass(frozen=True)
class AbortUpgrade:
    """A person ends an upgrade."""

    then_seconds: float

    def happen(self, world: World) -> None:
        before = world.upgrades.kept
        if before is None or before.ended_at or before.status is UpgradeStatus.ABORTED:
            return
        world.upgrades.write(abort(before, "Aborted by anna"))
        _step(world, self.then_seconds)


@dataclass(frozen=True)
class RunFails:
    """A run of a job begins and fails."""

    name: str
    then_seconds: float

    def happen(self, world: World) -> None:
        world.failed_runs.runs.append(FailedRun(self.name, world.timeline.now, "it crashed"))
        world.run(self.then_seconds)


def _step(world: World, then_seconds: float) -> None:
    """Have the sweep take the upgrade a step further at once, as whoever writes it does."""
    world.truth.changed()
    world.invoke("sweep", {"upgrade": True})
    world.run(then_seconds)


def with_upgrade(
    chance: random.Random, steps: Sequence[Step], then_seconds: Sequence[float]
) -> tuple[Step, ...]:
    """Return half the steps of a story with those of one or two upgrades among them, in this order.

    So it has about as many steps as other stories.
    """
    added: list[Step] = [FleetIsThere(chance.randint(2, len(FLEET)))]
    for _ in range(chance.choice((1, 1, 2))):
        version = chance.choice((VERSIONS[0], *VERSIONS))
        added.append(Release(version, chance.choice(then_seconds)))
        added += [SetAside(FLEET[0], chance.choice(ASIDE))] * chance.choice((0, 1))
        added += [_break(chance)] * chance.choice((0, 1, 1))
        added.append(_begin(chance, then_seconds))
        added += [_happening(chance, then_seconds) for _ in range(chance.randint(0, 3))]
    steps = [steps[0], *chance.sample(steps[1:], len(steps[1:]) // 2)]
    places = sorted(chance.randint(0, len(steps)) for _ in added)
    merged = [*steps]
    for place, step in reversed([*zip(places, added, strict=True)]):
        merged.insert(place, step)
    return tuple(merged)


def _begin(chance: random.Random, then_seconds: Sequence[float]) -> Step:
    return BeginUpgrade(
        waves=chance.choice(WAVES),
        soak_minutes=chance.choice((0, 10)),
        pause_on_failures=chance.choice((1, 1, 2)),
        dies_after_calls=chance.choice((None, None, 2, 3, 4, 5, 6, 8)),
        then_seconds=chance.choice(then_seconds),
    )


def _happening(chance: random.Random, then_seconds: Sequence[float]) -> Step:
    then, name = chance.choice(then_seconds), chance.choice(FLEET)
    return chance.choice(
        (
            ResumeUpgrade(chance.random() < 0.5, then),
            ResumeUpgrade(chance.random() < 0.5, then),
            AbortUpgrade(then),
            Release(chance.choice((FIRST, *VERSIONS)), then),
            RunFails(name, then),
            _break(chance),
        )
    )


def _break(chance: random.Random) -> Step:
    """Return what makes an upgrade fail with one of its jobs."""
    reason = chance.choice((RECOVERABLE, TERMINAL, TERMINAL))
    return ResourceIsBroken(chance.choice(FLEET[:3]), "update", reason, chance.choice((1, 2)), 0)
