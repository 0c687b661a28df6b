"""What a job's workflow does, in the states of templates/workflow/definition.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

from provisioner.runs.model import RunStatus, iso
from tests.simulation.runs.table import Run

if TYPE_CHECKING:
    from tests.simulation.runs.world import Execution, World


def workflow(world: World, execution: Execution) -> Iterator[float]:
    """Go through the states of templates/workflow/definition.py; yield how long each takes."""
    table, chance = world.table, world.chance
    run = _prepare(world, execution)
    yield chance.uniform(0.01, 0.1)
    for _ in range(30):
        execution.run = run
        refusal = _twice(world, lambda: table.admit(run))
        if not refusal:
            return (yield from _work(world, execution, run))
        if refusal == "duplicate":
            return "DUPLICATE"
        yield chance.uniform(0.01, 0.1)
        if run.overlap != "skip" or run.waited:
            refusal = _twice(world, lambda: table.queue(run))
            if not refusal:
                return "SUCCEEDED"
            if refusal == "duplicate":
                return "DUPLICATE"
            if run.waited:
                return "SUCCEEDED"
        yield chance.uniform(0.01, 0.1)
        if _twice(world, lambda: table.refuse(run, RunStatus.SKIPPED)):
            return "DUPLICATE"
        return "SUCCEEDED"
    return "FAILED"


def _given(execution: Execution) -> dict[str, Any]:
    """Return what is asked of a run: by its metadata, or by the message that it got."""
    given = execution.input
    [first, *_] = given.get("messages", [given])
    return {**first, **given["_run"]}


def _prepare(world: World, execution: Execution) -> Run:
    given = _given(execution)
    waited = given.get("waited")
    return Run(
        id=waited or f"{iso(execution.started_at)}#{execution.name}",
        execution=execution.name,
        overlap=given.get("overlap", world.overlap),
        tick=f"#tick#{given['tick']}" if "tick" in given and not waited else "",
        waited=bool(waited),
        seconds=given.get("seconds", 1),
        fails=given.get("fails", False),
        type=world.job_type,
        typed=given.get("typed", True),
    )


def _work(world: World, execution: Execution, run: Run) -> Iterator[float]:
    execution.holds = run.locked
    is_ready = yield from _until_ready(world)
    if not is_ready:
        world.gave_up.append(execution.name)
    if run.locked:
        world.work[execution.name] = run.type
    is_lost = False
    if run.type == "ec2":
        is_lost = not (yield from world.machines.work(execution, run.seconds))
    else:
        yield run.seconds
        world.work.pop(execution.name, None)
    status = RunStatus.FAILED if run.fails or is_lost else RunStatus.SUCCEEDED
    yield world.chance.uniform(0.01, 0.1)
    execution.holds = False
    if _twice(world, lambda: world.table.record(run, status, release=True)):
        yield world.chance.uniform(0.01, 0.1)
        world.table.record(run, status, release=False)
    return str(status)


def _until_ready(world: World) -> Iterator[float]:
    """Try to start the work as often as templates/workflow/failure_rules.py does."""
    for refusals in range(world.bug.refusals + 1):
        refused = [why for why, until in world.not_ready.items() if world.now < until]
        if not refused:
            return True
        longest = min(300, 15 * 2**refusals) if "slow" in refused else min(30, 2 * 2**refusals)
        yield ceil((1 + world.chance.random()) * longest / 2)
    return False


def _twice(world: World, transaction: Callable[[], str]) -> str:
    """Deliver a transaction, sometimes twice: the answer is the last one's."""
    answer = transaction()
    return transaction() if world.strikes() else answer
