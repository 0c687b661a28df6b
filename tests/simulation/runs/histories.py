"""Random histories of one job's runs, each from a seed of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from provisioner.runs.model import FINAL, RunStatus
from tests.simulation.runs.world import LEASE_SECONDS, NO_BUG, OUTSIDE, SWEEP_SECONDS, Bug, World
from tests.support.fakes import Crash

POLICIES = ("skip", "queue_one", "queue_all", "cancel_other", "allow")
KINDS = ("tick", "manual", "manual", "burst", "stop", "stop", "abort")
DEEDS = 12


@dataclass(frozen=True)
class Deed:
    """Something that happens, drawn from a chance of its own: others can be left out."""

    at: float
    kind: str
    seed: str

    def happen(self, world: World) -> None:
        chance = random.Random(self.seed)
        match self.kind:
            case "tick":
                tick = f"t{chance.randint(0, 5)}"
                for _ in range(chance.choice((1, 1, 2))):  # Scheduler delivers at least once
                    world.ask(tick=tick, **_work(chance))
            case "manual":
                override = {"overlap": chance.choice(POLICIES)} if chance.random() < 0.3 else {}
                work = _work(chance)
                typed = chance.random() < 0.8  # an earlier version wrote the others' rows
                world.ask(**work, **override, typed=typed)
                world.job_type = chance.choice(OUTSIDE)
            case "burst":
                for _ in range(4):
                    world.ask(**_work(chance))
            case "stop":
                rows = world.table.rows()
                if rows:
                    world.stop_run(chance.choice(sorted(rows)))
            case _:
                running = [e for e in world.executions.values() if e.status == "RUNNING"]
                if running:
                    world.stop(chance.choice(running).name, error="Stopped", cause="by hand")


@dataclass(frozen=True)
class History:
    """What one seed stands for."""

    seed: int
    overlap: str
    trouble: float
    deeds: tuple[Deed, ...]

    @classmethod
    def of(cls, seed: int) -> History:
        chance = random.Random(seed)
        overlap, trouble = chance.choice(POLICIES), chance.choice((0, 0.05, 0.2))
        deeds = [
            Deed(chance.expovariate(1 / 200), chance.choice(KINDS), f"{seed}/{number}")
            for number in range(chance.randint(2, DEEDS))
        ]
        return cls(seed, overlap, trouble, tuple(sorted(deeds, key=lambda deed: deed.at)))

    def play(self, bug: Bug = NO_BUG) -> World:
        """Let things happen for some minutes, then let everything come to rest."""
        world = World(random.Random(self.seed), self.overlap, self.trouble, bug)
        world.after(SWEEP_SECONDS, world.sweep)
        for deed in self.deeds:
            world.after(deed.at, partial(deed.happen, world))
        world.run(1500)
        world.trouble = 0
        world.run(len(world.executions) * 1000 + LEASE_SECONDS + 4000)
        world.check_at_rest()
        _check_history(world)
        return world

    def shrunk(self, bug: Bug = NO_BUG) -> History:
        """Return a history that ends as badly with as little as possible happening in it."""
        smaller = [replace(self, deeds=self.without(deed)) for deed in self.deeds]
        smaller += [replace(self, trouble=0)] if self.trouble else []
        for history in smaller:
            if history.fails(bug):
                return history.shrunk(bug)
        return self

    def without(self, deed: Deed) -> tuple[Deed, ...]:
        return tuple(each for each in self.deeds if each is not deed)

    def fails(self, bug: Bug) -> bool:
        try:
            self.play(bug)
        except (AssertionError, Crash):
            return True
        return False

    def __str__(self) -> str:
        deeds = "\n".join(f"  at {deed.at:.0f} s: {deed.kind} ({deed.seed})" for deed in self.deeds)
        return f"overlap {self.overlap}, trouble {self.trouble}\n{deeds}"


def explore(shard: int, histories: int, bug: Bug = NO_BUG, *, shrink: bool = True) -> None:
    """Play as many histories; one that ends badly says how to play it again."""
    for seed in range(shard * 100_000, shard * 100_000 + histories):
        play(seed, bug, shrink=shrink)


def play(seed: int, bug: Bug = NO_BUG, *, shrink: bool = True) -> World:
    """Play the history of a seed; one that ends badly is shrunk, unless nobody will read it."""
    history = History.of(seed)
    try:
        return history.play(bug)
    except BaseException as error:
        if shrink:
            error.add_note(f"The least that fails so: {history.shrunk(bug)}")
        error.add_note(f"Again: make simulate-run SEED={seed}")
        raise


def _work(chance: random.Random) -> dict[str, object]:
    seconds = chance.choice((0.1, 1, 30, 200, 5000))  # the last is longer than a run may take
    return {"seconds": seconds, "fails": chance.random() < 0.2}


def _check_history(world: World) -> None:
    ticks: dict[str, list[str]] = {}
    for execution in world.executions.values():
        run = execution.run
        if run is not None and run.tick and execution.status != "DUPLICATE":
            row = world.table.items.get(run.id)
            if row is not None and row["status"] in FINAL:
                ticks.setdefault(run.tick, []).append(run.id)
    for tick, runs in ticks.items():
        kept = {key for key in runs if world.table.items[key].get("asked")}
        assert len(kept) <= 1, f"{tick} has {kept}"
    policies = {row["asked"]["overlap"] for row in world.table.rows().values() if "asked" in row}
    ran = [
        (key, row["started_at"], row["ended_at"])
        for key, row in sorted(world.table.rows().items())
        if row["status"] in {RunStatus.SUCCEEDED, RunStatus.FAILED}
    ]
    if policies == {"queue_all"}:
        for number, (key, started_at, _) in enumerate(ran):
            for other, before, _ in ran[:number]:
                assert started_at >= before or _seconds(key, other) < 1, f"{key} passed {other}"
    if policies == {"cancel_other"} and not world.began_with:
        # One that is aborted before it wrote anything has asked for nothing.
        asked = [key for key, row in world.table.rows().items() if "asked" in row]
        for key, started_at, ended_at in ran:
            came = [k for k in asked if k > key and _seconds(k, started_at) > 5]
            stayed = [k for k in came if _seconds(ended_at, k) > 5]
            assert not stayed, f"{key} went on though {stayed} came"
            later = [k for k in world.table.rows() if k > key and _seconds(started_at, k) > 5]
            assert not later, f"{key} started although {later} had come"


def _seconds(later: str, earlier: str) -> float:
    """Return how long after one moment another was; a run's key begins with its own."""
    one, other = (datetime.fromisoformat(text.partition("#")[0]) for text in (later, earlier))
    return (one - other).total_seconds()
