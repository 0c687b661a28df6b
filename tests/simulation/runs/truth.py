"""What must hold of a job's runs at every step, and what must have come of them all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from provisioner.runs.keys import LOCK
from provisioner.runs.messages import RUN_PREFIX
from provisioner.runs.model import FINAL, RunStatus
from provisioner.runs.recent import RecentRuns

if TYPE_CHECKING:
    from tests.simulation.runs.table import Item
    from tests.simulation.runs.world import Execution, World

MOST_STARTS = 20
"""Of one run that waits; more is a loop that would go on for hours."""


def check(world: World) -> None:
    """Check what must hold at every moment."""
    lock = world.table.items.get(LOCK, {})
    inside = [e for e in world.executions.values() if e.holds and e.status == "RUNNING"]
    live = [e for e in inside if _within_lease(world, e)]
    assert len(live) <= 1, f"{[e.name for e in live]} are inside one lock"
    missed = {name for name, machine in world.machines.alive.items() if machine.was_missed}
    known = sorted(world.work.keys() - missed)
    working = [name for name in known if _within_lease(world, world.executions[name])]
    assert len(working) <= 1, f"{working} work at the same time"
    for execution in live:
        assert lock.get("owner") == execution.name, f"{execution.name} holds no lock"
    for key, times in world.started_for.items():
        assert times <= MOST_STARTS, f"{key} was started {times} times"
    started = [
        e.name
        for e in world.executions.values()
        if e.name.startswith(RUN_PREFIX) and e.status == "RUNNING"
    ]
    assert len(started) <= world.limits.max_concurrency, f"{started} run at the same time"
    for name, machine in world.machines.alive.items():
        assert world.now <= machine.latest_end, f"the machine of {name} is still there"
    at_work = world.machines.terminated_at_work
    assert not at_work, f"the machines of {at_work} were terminated at work"


def _within_lease(world: World, execution: Execution) -> bool:
    run = execution.run
    if run is None or not run.locked:
        return False
    return (world.now - execution.started_at).total_seconds() <= world.table.lease_seconds


def check_at_rest(world: World) -> None:
    """Check that everything has its end: all faults are over, and there was time."""
    rows = world.table.rows()
    unfinished = {key: row["status"] for key, row in rows.items() if row["status"] not in FINAL}
    assert not unfinished, f"not ended: {unfinished}"
    lock = world.table.items.get(LOCK, {})
    assert not lock.get("waiting"), f"still waiting: {lock['waiting']}"
    assert "owner" not in lock, f"{lock['owner']} still holds the lock"
    assert not world.work, f"still working: {world.work}"
    assert not world.machines.alive, f"machines are still there: {world.machines.alive}"
    assert not world.gave_up, f"what {world.gave_up} start was ready too late"
    for execution in world.executions.values():
        left_nothing = execution.status == "DUPLICATE" or execution.is_lost
        if execution.run is not None and not left_nothing:
            assert execution.run.id in rows, f"{execution.name} has left no row"
    _check_scheduled_times(world)
    _check_recent_runs(world)
    _check_order(world)
    _check_messages(world)


def _check_recent_runs(world: World) -> None:
    """Lists show the last runs, in whatever order and however often they were heard of."""
    if world.heard_all:
        rows = [{"trigger_id": key, **row} for key, row in world.table.rows().items()]
        true = RecentRuns().with_runs(rows)
        shown = world.recent.of.get("job", RecentRuns())
        assert shown.strip == true.strip, f"a list shows {shown.strip}"
        assert shown.last.get("trigger_id") == true.last.get("trigger_id")


def _check_scheduled_times(world: World) -> None:
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


def _check_order(world: World) -> None:
    rows = sorted(world.table.rows().items())
    policies = {row["asked"]["overlap"] for _, row in rows if "asked" in row}
    ran = [
        (key, row["started_at"], row["ended_at"])
        for key, row in rows
        if row["status"] in {RunStatus.SUCCEEDED, RunStatus.FAILED}
    ]
    if policies == {"queue_all"}:
        for number, (key, started_at, _) in enumerate(ran):
            for other, before, _ in ran[:number]:
                assert started_at >= before or _seconds(key, other) < 1, f"{key} passed {other}"
    if policies == {"cancel_other"} and not world.began_with:
        # One that is aborted before it wrote anything has asked for nothing, one that is stopped
        # before it was heard of asks no longer.
        asked = [key for key, row in rows if "asked" in row and not _stopped_at_once(key, row)]
        for key, started_at, ended_at in ran:
            came = [k for k in asked if k > key and _seconds(k, started_at) > 5]
            stayed = [k for k in came if _seconds(ended_at, k) > 5]
            assert not stayed, f"{key} went on though {stayed} came"
            later = [k for k, _ in rows if k > key and _seconds(started_at, k) > 5]
            assert not later, f"{key} started although {later} had come"


def _stopped_at_once(key: str, row: Item) -> bool:
    return row["status"] == RunStatus.STOPPED and _seconds(row["ended_at"], key) <= 5


def _check_messages(world: World) -> None:
    """Check that each message was in one run."""
    runs = {name: e for name, e in world.executions.items() if name.startswith(RUN_PREFIX)}
    got = [number for execution in runs.values() for number in _messages(execution)]
    lost = set(range(world.messages_sent)) - set(got)
    assert not lost, f"no run got the messages {lost}"
    twice = {number for number in got if got.count(number) > 1}
    assert not twice, f"several runs got the messages {twice}"
    # Copies may stay there unmarked: of messages that were parked and got a run after all.
    waiting = world.slots.jobs_with_parked_messages(world.now)
    assert not waiting, "messages are still parked"


def _messages(execution: Execution) -> list[int]:
    given = execution.input
    return [each["number"] for each in given.get("messages", [given])]


def _seconds(later: str, earlier: str) -> float:
    """Return how long after one moment another was; a run's key begins with its own."""
    one, other = (datetime.fromisoformat(text.partition("#")[0]) for text in (later, earlier))
    return (one - other).total_seconds()
