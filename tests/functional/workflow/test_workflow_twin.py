"""The simulation's twin of the workflow does to a table what the definition itself does.

Each case is a table as a run may find it. The real definition runs over moto's table, the twin over
the simulation's, and both must leave the same behind.
"""

from __future__ import annotations

import itertools
import random

import pytest

from provisioner.runs.keys import LOCK
from tests.functional.workflow.test_workflow import LAMBDA, echo, items, machine, table
from tests.simulation.runs.world import World

__all__ = ["table"]

NOW = 1_795_251_600
OTHER = "2026-11-21T08:00:00.000Z#other"
OWN = "2026-11-21T08:30:00.000Z#new"

LOCKS = {
    "no lock": None,
    "free": {"status": "FREE"},
    "held": {"status": "HELD", "owner": "other", "lease_until": NOW + 60},
    "expired": {"status": "HELD", "owner": "dead", "lease_until": NOW - 60},
    "free, one waits": {"status": "FREE", "waiting": {OTHER}},
    "held, one waits": {
        "status": "HELD",
        "owner": "other",
        "lease_until": NOW + 60,
        "waiting": {OTHER},
    },
}
POLICIES = ("skip", "queue_one", "queue_all", "cancel_other", "allow")


def left(found):
    """Return what matters of a table: statuses of runs, the lock, who waits, who ticked."""
    lock = found.get(LOCK, {})
    return {
        "runs": {key: item["status"] for key, item in found.items() if key[0] != "#"},
        "owner": lock.get("owner"),
        "waiting": lock.get("waiting"),
        "cancels": lock.get("cancels"),
        "ticks": sorted(key for key in found if key.startswith("#tick")),
    }


def alone():
    """Return a world in which only executions write."""
    world = World(random.Random(0), "skip", trouble=0)
    world.table.changed = lambda *_: None
    return world


def row(status):
    return {"status": status, "execution_arn": "arn:before", "starts": 0}


@pytest.mark.parametrize("waited", [False, True], ids=["new", "waited"])
@pytest.mark.parametrize(
    ("lock", "policy"),
    list(itertools.product(LOCKS.values(), POLICIES)),
    ids=["-".join(case) for case in itertools.product(LOCKS, POLICIES)],
)
def test_they_leave_the_same(table, lock, policy, waited):
    before = {} if lock is None else {LOCK: dict(lock)}
    metadata = {"overlap": policy}
    if waited:
        metadata["waited"] = OWN
        before[OWN] = row("QUEUED")
        held = before.setdefault(LOCK, {"status": "FREE"})
        held["waiting"] = held.get("waiting", set()) | {OWN}
    for key, item in before.items():
        table.put_item(Item={"job_name": "nightly", "trigger_id": key, **item})

    machine(LAMBDA, echo).run("new", {"_run": metadata})
    world = alone()
    world.table.items = {key: dict(item) for key, item in before.items()}
    world.start("job", "new", '{"_run": ' + str(metadata).replace("'", '"') + "}")
    world.run(100)

    assert left(world.table.items) == left(items(table))


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_a_scheduled_time(table, again):
    tick = "#tick#jobs-nightly-0#2026-11-21T09:00:00Z"
    if again:
        table.put_item(Item={"job_name": "nightly", "trigger_id": tick, "owner": "before"})
    metadata = {"schedule": "jobs-nightly-0", "scheduled_for": "2026-11-21T09:00:00Z"}

    machine(LAMBDA, echo).run("new", {"_run": {"source": "schedule", **metadata}})
    world = alone()
    world.table.items = {tick: {"owner": "before"}} if again else {}
    world.ask(tick=tick.removeprefix("#tick#"))
    world.run(100)

    found = left(world.table.items)
    found["runs"] = {key.replace("run-000", "new"): value for key, value in found["runs"].items()}
    assert found == left(items(table))
