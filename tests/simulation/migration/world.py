"""A bootstrap that is upgraded from a version whose tables could not be listed.

Functions are updated one after another; workflows stay those of the version before until their
job's stack is updated, for months maybe. So old and new ones write while the sweep goes through the
table page by page.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.run_list import RunList
from provisioner.entrypoints import run_stream
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ProvisionerError
from provisioner.runs.keys import RUN_SHARDS, run_shard
from provisioner.runs.listing import Position
from provisioner.runs.model import FINAL, iso
from tests.simulation.faults import Crash, Faults, NoClients
from tests.simulation.migration.table import Table
from tests.simulation.stacks.wiring import Silent
from tests.simulation.timeline import Timeline
from tests.support.fakes import FakeRecentRuns
from tests.support.functions import Context, having
from tests.support.platforms import PLATFORM, SETTINGS

JOBS = ("alpha", "beta", "gamma", "delta")
TABLE = "jobs-Triggers"
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


@dataclass(frozen=True)
class Bug:
    """What a world is wired with; without arguments there is none."""

    run_list: Callable[[Table, str], RunList] = RunList
    hears: bool = True
    """Whether the new run_stream lists the runs of old workflows."""


class World:
    """The Triggers table, its stream, and the functions that list runs."""

    def __init__(self, chance: random.Random, trouble: float, bug: Bug) -> None:
        self.chance = chance
        self.timeline = Timeline()
        self.faults = Faults(self.timeline, chance, crashes=trouble)
        self.table = Table(self.faults)
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

    def begin_run(self, job_name: str) -> None:
        """Have a workflow write a run, and its end some time later."""
        self._count += 1
        key = (job_name, f"{iso(self.timeline.now)}#run-{self._count}")
        row = {"status": "RUNNING", "started_at": iso(self.timeline.now)}
        if job_name in self.new_workflows:
            row["run_shard"] = run_shard(key[1])
        elif self._count % 2:  # of a version with more shards
            row["run_shard"] = RUN_SHARDS
        self._write(key, row)
        status = self.chance.choice(("SUCCEEDED", "SUCCEEDED", "SKIPPED", "STOPPED"))
        seconds = self.chance.choice((0.1, 1, 20, 400))
        self.timeline.after(seconds, partial(self._end_run, key, status))

    def earlier_run(self, job_name: str, status: str) -> None:
        """Have a run that ended before there was this version."""
        self._count += 1
        at = iso(self.timeline.now - timedelta(days=self._count))
        shard = {"run_shard": RUN_SHARDS} if self._count % 2 else {}
        self._write((job_name, f"{at}#run-{self._count}"), {"status": status, **shard}, told=False)

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

    def _write(self, key: tuple[str, str], row: dict[str, Any], *, told: bool = True) -> None:
        item = to_dynamodb({"job_name": key[0], "trigger_id": key[1], **row})
        self.table.items[key] = {**self.table.items.get(key, {}), **item}
        if told:
            self.timeline.after(self.chance.uniform(0.1, 3), partial(self._hear, key))

    def _end_run(self, key: tuple[str, str], status: str) -> None:
        self._write(key, {"status": status, "ended_at": iso(self.timeline.now)})

    def _hear(self, key: tuple[str, str]) -> None:
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
