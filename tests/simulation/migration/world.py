"""A bootstrap that is upgraded from a version whose tables could not be listed.

Functions are updated one after another; workflows stay those of the version before until their
job's stack is updated, for months maybe. So old and new ones write while the sweep goes through the
table page by page.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.entrypoints import run_stream
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ProvisionerError
from provisioner.runs.keys import RUN_SHARDS, run_shard
from provisioner.runs.listing import Position
from provisioner.runs.model import FINAL, RunStatus, iso
from tests.simulation.faults import Crash, Faults, NoClients
from tests.simulation.migration.bug import Bug
from tests.simulation.migration.table import Key, Table
from tests.simulation.stacks.wiring import Silent
from tests.simulation.timeline import Timeline
from tests.support.fakes import FakeRecentRuns
from tests.support.functions import Context, having
from tests.support.platforms import PLATFORM, SETTINGS

JOBS = ("alpha", "beta", "gamma", "delta")
TABLE = "jobs-Triggers"
OLD_SHARD = RUN_SHARDS
"""Of a version with more shards: no list asks for it."""
SWEEP_SECONDS = 300
DEPLOYMENT_SECONDS = 600
"""The functions of a bootstrap are updated one after another within that time."""
MOST = 3
"""Rows that one page of the sweep has here."""


class Costs:
    """What runs cost: nothing, as one whose cost is known."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def ended(self, job_name: str, trigger_id: str) -> dict[str, Any] | None:
        found = self._table.items.get((job_name, trigger_id))
        return {**to_plain(found), "cost_estimate": 0} if found else None


class Nobody:
    """What else follows from the end of a run: nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class World:
    """The Triggers table, its stream, and the functions that list runs."""

    def __init__(self, chance: random.Random, trouble: float, bug: Bug) -> None:
        self.chance = chance
        self.timeline = Timeline()
        self.faults = Faults(self.timeline, chance, crashes=trouble)
        self.table = bug.table(self.faults)
        self.bug = bug
        self.is_new: set[str] = set()
        self.new_workflows: set[str] = set()
        self._count = 0
        clients: Any = self.table
        self.run_list = bug.run_list(clients, TABLE)
        self.runtime = having(
            Runtime(SETTINGS, NoClients(), self.timeline, chance),
            metrics=Silent(PLATFORM.prefix),
            run_list=self.run_list,
            run_costs=Costs(self.table),
            recent_runs=FakeRecentRuns(),
            run_control=Nobody(),
            message_runs=Nobody(),
            dependency_starter=Nobody(),
            jobs=Nobody(),
        )
        self.timeline.after(chance.uniform(0, SWEEP_SECONDS), self._sweep)

    # What happens

    def deploy(self) -> None:
        """Let the functions become new, each at a time of its own."""
        for function in ("sweep", "run_stream"):
            seconds = self.chance.uniform(0, DEPLOYMENT_SECONDS)
            self.timeline.after(seconds, partial(self.is_new.add, function))

    def begin_run(
        self, job_name: str, status: RunStatus, seconds: float, *, has_old_shard: bool
    ) -> None:
        """Have a workflow write a run, and its end some time later."""
        key = self._key(job_name, self.timeline.now)
        row = {"status": "RUNNING", "started_at": iso(self.timeline.now)}
        if job_name in self.new_workflows:
            row["run_shard"] = run_shard(key[1])
        elif has_old_shard:
            row["run_shard"] = OLD_SHARD
        self._write(key, row)
        self.timeline.after(seconds, partial(self._end_run, key, status))

    def earlier_run(self, job_name: str, status: RunStatus, *, has_old_shard: bool) -> None:
        """Have a run that ended before there was this version."""
        key = self._key(job_name, self.timeline.now - timedelta(days=self._count + 1))
        shard = {"run_shard": OLD_SHARD} if has_old_shard else {}
        self._write(key, {"status": status, **shard}, in_stream=False)

    def until(self, minutes: float) -> datetime:
        return self.timeline.now + timedelta(minutes=minutes)

    def run(self, seconds: float) -> None:
        until = self.timeline.now + timedelta(seconds=seconds)
        while self.timeline.step(until):
            pass

    def settle(self) -> None:
        """Let faults end and the migration be through; check what lists show."""
        self.deploy()
        self.run(DEPLOYMENT_SECONDS)
        self.faults.end()
        self.run(4 * 3600)
        self._check()

    # The functions

    def _key(self, job_name: str, began: datetime) -> Key:
        self._count += 1
        return job_name, f"{iso(began)}#run-{self._count}"

    def _write(self, key: Key, row: dict[str, Any], *, in_stream: bool = True) -> None:
        item = to_dynamodb({"job_name": key[0], "trigger_id": key[1], **row})
        self.table.items[key] = {**self.table.items.get(key, {}), **item}
        self.timeline.note(*key, *row.values())
        if in_stream:
            self.timeline.after(self.chance.uniform(0.1, 3), partial(self._hear, key))

    def _end_run(self, key: Key, status: RunStatus) -> None:
        self._write(key, {"status": status, "ended_at": iso(self.timeline.now)})

    def _hear(self, key: Key) -> None:
        """Deliver a record to run_stream until it takes it; the old one lists nothing."""
        if "run_stream" not in self.is_new or not self.bug.hears:
            return
        item = self.table.items[key]
        keys = {name: item[name] for name in ("job_name", "trigger_id")}
        change = {"Keys": keys, "NewImage": dict(item), "SequenceNumber": "1"}
        try:
            answer = run_stream.handler(
                {"Records": [{"dynamodb": change}]}, Context(), self.runtime
            )
        except (ProvisionerError, Crash):
            answer = {"batchItemFailures": ["1"]}
        if answer["batchItemFailures"]:
            self.timeline.after(2, partial(self._hear, key))

    def _sweep(self) -> None:
        self.timeline.after(SWEEP_SECONDS, self._sweep)
        if "sweep" not in self.is_new:
            return
        try:
            self.run_list.backfill(MOST, self.timeline.now)
        except (ProvisionerError, Crash) as error:
            self.timeline.note("the sweep ended by", repr(error))

    # What must have come of it

    def _check(self) -> None:
        rows = [row for row in self.table.rows() if not row["job_name"].startswith("#")]
        listed: Counter[tuple[str, str]] = Counter()
        before: Position | None = Position()
        while before is not None:
            page = self.run_list.page(1000, before)
            listed.update((run["job_name"], run["trigger_id"]) for run in page.runs)
            before = page.next
        twice = {key for key, times in listed.items() if times > 1}
        assert not twice, f"listed twice: {twice}"
        ended = {(r["job_name"], r["trigger_id"]) for r in rows if r["status"] in FINAL}
        assert ended == listed.keys(), f"not listed: {ended - listed.keys()}"
        lost = [row for row in rows if "status" not in row or not row["trigger_id"]]
        assert not lost, f"half written: {lost}"
