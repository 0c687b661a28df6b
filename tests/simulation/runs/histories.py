"""Random histories of one job's runs, each from a seed of its own."""

from __future__ import annotations

import random
from datetime import datetime
from functools import partial

import pytest

from provisioner.runs.model import FINAL, RunStatus
from tests.simulation.runs.world import LEASE_SECONDS, SWEEP_SECONDS, World, wire

POLICIES = ("skip", "queue_one", "queue_all", "cancel_other", "allow")
DEEDS = 12


def explore(shard: int, histories: int) -> None:
    """Play as many histories; one that ends badly says how to play it again."""
    for seed in range(shard * 100_000, shard * 100_000 + histories):
        try:
            play(seed)
        except BaseException as error:
            error.add_note(f"Again: make simulate-run SEED={seed}")
            raise


def play(seed: int) -> World:
    """Let things happen for some minutes, then let everything come to rest."""
    chance = random.Random(seed)
    overlap = chance.choice(POLICIES)
    world = World(chance, overlap, trouble=chance.choice((0, 0.05, 0.2)))
    with pytest.MonkeyPatch.context() as patch:
        wire(patch, world)
        world.after(SWEEP_SECONDS, world.sweep)
        for _ in range(chance.randint(2, DEEDS)):
            world.after(chance.expovariate(1 / 200), partial(_deed, world))
        world.run(1500)
        world.trouble = 0
        world.run(len(world.executions) * 1000 + LEASE_SECONDS + 4000)
        world.check_at_rest()
        _check_history(world)
    return world


def _deed(world: World) -> None:
    chance = world.chance
    match chance.choice(("tick", "manual", "manual", "burst", "stop", "stop", "abort")):
        case "tick":
            tick = f"t{chance.randint(0, 5)}"
            for _ in range(chance.choice((1, 1, 2))):  # Scheduler delivers at least once
                world.ask(tick=tick, **_work(chance))
        case "manual":
            override = {"overlap": chance.choice(POLICIES)} if chance.random() < 0.3 else {}
            world.ask(**_work(chance), **override)
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
        for key, started_at, ended_at in ran:
            came = [k for k in world.table.rows() if k > key and _seconds(k, started_at) > 5]
            stayed = [k for k in came if _seconds(ended_at, k) > 5]
            assert not stayed, f"{key} went on though {stayed} came"
            later = [k for k in world.table.rows() if k > key and _seconds(started_at, k) > 5]
            assert not later, f"{key} started although {later} had come"


def _seconds(later: str, earlier: str) -> float:
    """Return how long after one moment another was; a run's key begins with its own."""
    one, other = (datetime.fromisoformat(text.partition("#")[0]) for text in (later, earlier))
    return (one - other).total_seconds()
