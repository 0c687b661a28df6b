"""Any story of one job's runs: what starts and stops them, messages, faults; then quiet."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from provisioner.runs.messages import Limits
from templates.workflow.failure_rules import SECONDS_OF_REFUSALS
from tests.simulation.mishaps import FunctionDies, ServiceIsUnwell
from tests.simulation.runs.bug import NO_BUG, OUTSIDE, Bug
from tests.simulation.runs.machines import Health
from tests.simulation.runs.world import SWEEP_SECONDS, World
from tests.simulation.stories import Step, Story
from tests.simulation.timeline import START

POLICIES = ("skip", "queue_one", "queue_all", "cancel_other", "allow")
KINDS = ("tick", "manual", "manual", "burst", "stop", "stop", "abort")
DEEDS = 12
BURSTS = 4
ON_MACHINES = 0.4
"""Share of the stories whose job begins with machines, which have mishaps of their own."""
IN_EXPRESS_MODE = 0.3
"""Share of the stories whose job is deployed, and ready later than its stack is complete."""
MISHAPS = ("machine dies", "machine is cut off", "machine hangs", "machines are hidden")
PORTS = ("runs.", "executions.", "work.", "slots.", "queues.", "submissions.", "stacks.", "")


@dataclass(frozen=True)
class Deed:
    """Somebody starts or stops runs, drawn from a chance of its own: others can be left out."""

    kind: str
    seed: str

    def happen(self, world: World) -> None:
        DEED_BY_KIND[self.kind](world, random.Random(self.seed))


@dataclass(frozen=True)
class At:
    """Something happens so many seconds after the beginning."""

    seconds: float
    what: Step

    def happen(self, world: World) -> None:
        world.run_until(START + timedelta(seconds=self.seconds))
        self.what.happen(world)


@dataclass(frozen=True)
class RunsStory(Story):
    """Some minutes of one job; one that allows runs beside each other has a queue."""

    world = "runs"
    overlap: str
    limits: Limits

    @classmethod
    def draw(cls, seed: int) -> RunsStory:
        chance = random.Random(seed)
        overlap, trouble = chance.choice(POLICIES), chance.choice((0, 0.05, 0.2))
        if overlap == "allow":  # each death on the way of a message leaves a copy, and copies of it
            trouble = min(trouble, 0.1)
        steps = [
            At(chance.expovariate(1 / 200), Deed(chance.choice(KINDS), f"{seed}/{number}"))
            for number in range(chance.randint(2, DEEDS))
        ]
        if overlap == "allow":
            steps += [
                At(chance.expovariate(1 / 200), Deed("messages", f"{seed}/messages/{number}"))
                for number in range(chance.randint(0, BURSTS))
            ]
        if trouble:
            steps += [
                At(chance.expovariate(1 / 200), chance.choice(FAULTS)(chance))
                for _ in range(chance.randint(0, 2))
            ]
        limits = Limits(chance.choice((1, 1, 3)), chance.randint(1, 3))
        steps += _on_machines(seed)
        steps += _in_express_mode(seed)
        in_order = tuple(sorted(steps, key=lambda step: step.seconds))
        return cls(seed, trouble, in_order, overlap, limits)

    def begin(self, bug: Bug | None) -> World:
        chance = random.Random(self.seed)
        world = World(chance, self.overlap, self.trouble, bug or NO_BUG, limits=self.limits)
        world.after(SWEEP_SECONDS, world.sweep)
        return world


def _on_machines(seed: int) -> list[At]:
    """Return what happens to machines, drawn from a chance of its own, or nothing."""
    chance = random.Random(f"{seed}/machines")
    if chance.random() >= ON_MACHINES:
        return []
    return [
        At(0, Deed("machines", "")),
        *(
            At(
                chance.expovariate(1 / 200),
                Deed(chance.choice(MISHAPS), f"{seed}/mishaps/{number}"),
            )
            for number in range(chance.randint(3, 6))
        ),
    ]


def _in_express_mode(seed: int) -> list[At]:
    """Return a deployment whose resources are ready later, drawn from a chance of its own."""
    chance = random.Random(f"{seed}/express")
    if chance.random() >= IN_EXPRESS_MODE:
        return []
    return [At(chance.expovariate(1 / 200), Deed("deploy", f"{seed}/express"))]


def _scheduled_time(world: World, chance: random.Random) -> None:
    tick = f"t{chance.randint(0, 5)}"
    for _ in range(chance.choice((1, 1, 2))):  # Scheduler delivers at least once
        world.ask(tick=tick, **_work(chance))


def _manual(world: World, chance: random.Random) -> None:
    override = {"overlap": chance.choice(POLICIES)} if chance.random() < 0.3 else {}
    work = _work(chance)
    typed = chance.random() < 0.8  # an earlier version wrote the others' rows
    world.ask(**work, **override, typed=typed)
    world.job_type = chance.choice(OUTSIDE)


def _burst(world: World, chance: random.Random) -> None:
    for _ in range(4):
        world.ask(**_work(chance))


def _messages(world: World, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 5)):
        world.send_message(**_work(chance))


def _stop(world: World, chance: random.Random) -> None:
    if rows := world.table.rows():
        world.stop_run(chance.choice(sorted(rows)))


def _abort(world: World, chance: random.Random) -> None:
    if running := [e for e in world.executions.values() if e.status == "RUNNING"]:
        world.stop(chance.choice(running).name, error="Stopped", cause="by hand")


def _have_machines(world: World, _chance: random.Random) -> None:
    world.job_type = "ec2"


def _strike_a_machine(health: Health, world: World, chance: random.Random) -> None:
    if well := [m for m in world.machines.alive.values() if m.health is Health.WELL]:
        chance.choice(well).health = health


def _kill_a_machine(world: World, chance: random.Random) -> None:
    if machines := list(world.machines.alive.values()):
        world.machines.kill(chance.choice(machines))


def _deploy(world: World, chance: random.Random) -> None:
    """Complete a stack, and start a run at once, as a schedule or a person may."""
    why = chance.choice([*SECONDS_OF_REFUSALS])
    seconds = chance.uniform(0, SECONDS_OF_REFUSALS[why])
    world.not_ready = {why: world.now + timedelta(seconds=seconds)}
    world.ask(**_work(chance))


def _hide_machines(world: World, chance: random.Random) -> None:
    world.machines.hidden_until = world.until(chance.choice((2, 20)))


DEED_BY_KIND: dict[str, Callable[[World, random.Random], None]] = {
    "tick": _scheduled_time,
    "manual": _manual,
    "burst": _burst,
    "messages": _messages,
    "stop": _stop,
    "abort": _abort,
    "machines": _have_machines,
    "deploy": _deploy,
    "machine dies": _kill_a_machine,
    "machine is cut off": partial(_strike_a_machine, Health.CUT_OFF),
    "machine hangs": partial(_strike_a_machine, Health.HUNG),
    "machines are hidden": _hide_machines,
}

FAULTS: tuple[Callable[[random.Random], Step], ...] = (
    lambda r: FunctionDies(r.randint(0, 20), r.random() < 0.5),
    lambda r: ServiceIsUnwell(
        r.choice(PORTS), r.choice(("unwell", "throttled")), r.choice((0.5, 2, 10)), 1
    ),
)


def _work(chance: random.Random) -> dict[str, object]:
    seconds = chance.choice((0.1, 1, 30, 200, 5000))  # the last is longer than a run may take
    return {"seconds": seconds, "fails": chance.random() < 0.2}
