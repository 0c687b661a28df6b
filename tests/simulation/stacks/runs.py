"""Runs of jobs, as far as deployments are judged by them, and the service that rolls back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from provisioner.errors import ConflictError
from provisioner.jobs import InvalidRow, Job
from provisioner.jobs.row_content import content_digest
from provisioner.runs.canary import NOT_OF_THE_CODE
from provisioner.runs.model import RunStatus, iso
from provisioner.service.caller import Caller
from provisioner.stacks.model import StackRecord
from provisioner.stacks.stack_status import SETTLED, StackStatus
from tests.simulation.faults import Death, Faults
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.lambdas import FunctionError
from tests.simulation.timeline import Timeline
from tests.support.platforms import PLATFORM

if TYPE_CHECKING:
    from tests.simulation.stacks.stacks import Stack
    from tests.simulation.stacks.tables import Row
    from tests.simulation.stacks.world import World

COUNTED = {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.TIMED_OUT}
MOST_DELIVERIES = 10
_RUNS_IN = SETTLED | {
    StackStatus.UPDATE_IN_PROGRESS,
    StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
    StackStatus.UPDATE_ROLLBACK_IN_PROGRESS,
    StackStatus.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
}


@dataclass(eq=False)
class Ran:
    """A run: its row, and the specs of which it may have run the code."""

    row: dict[str, Any]
    began_at: datetime
    digests: frozenset[str | None]

    @property
    def decides(self) -> bool:
        return self.row["status"] in COUNTED and self.row.get("error") not in NOT_OF_THE_CODE

    @property
    def event(self) -> dict[str, Any]:
        keys = {name: {"S": self.row[name]} for name in ("job_name", "trigger_id")}
        image = {"status": {"S": str(self.row["status"])}}
        change = {"Keys": keys, "NewImage": image, "SequenceNumber": "1"}
        return {"Records": [{"dynamodb": change}]}


class Runs:
    """The Triggers table, and its stream."""

    def __init__(
        self,
        timeline: Timeline,
        chance: random.Random,
        calls: Calls,
        invoke: Callable[[str, dict[str, Any]], Any],
        stacks: Mapping[str, Stack],
        faults: Faults,
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._calls = calls
        self._invoke = invoke
        self._stacks = stacks
        self._faults = faults
        self.deaths: list[Death] = []
        """Of the function that hears of the next run's end."""
        self.trouble = 0.0
        self.of: dict[str, list[Ran]] = {}
        self.dead: list[dict[str, Any]] = []

    # As functions reach it

    def open(self, status: RunStatus, *, until: datetime) -> list[dict[str, Any]]:
        """Return the runs that the sweep has to complete, none: all of them record their end."""
        del status, until
        return []

    def begun_since(self, job_name: str, moment: str, count: int) -> Iterator[dict[str, Any]]:
        def read() -> list[dict[str, Any]]:
            rows = (dict(ran.row) for ran in self.of.get(job_name, ()))
            return [row for row in rows if row["trigger_id"] > moment][:count]

        return iter(self._calls("triggers.begun_since", read))

    # What happens

    def begin(self, job_name: str, seconds: float, status: RunStatus, error: str | None) -> None:
        """Begin a run that ends so, of the code that is deployed."""
        ran = self._begun(job_name)
        if ran is not None:
            self._timeline.after(seconds, partial(self._end, ran, status, error))

    def failed(self, job_name: str) -> Ran | None:
        """Return a run that has failed, of which the stream will tell a little later."""
        ran = self._begun(job_name)
        if ran is not None:
            self._end(ran, RunStatus.FAILED, "ValueError")
        return ran

    def _begun(self, job_name: str) -> Ran | None:
        stack = self._stacks.get(f"jobs-{job_name}")
        if stack is None or not stack.is_ours or stack.status not in _RUNS_IN:
            return None
        known, now = self.of.setdefault(job_name, []), self._timeline.now
        trigger_id = f"{iso(now)}#run-{len(known):03}"
        row = {"job_name": job_name, "trigger_id": trigger_id, "status": RunStatus.RUNNING}
        digests = {stack.spec.digest, stack.good.digest if stack.good else None}
        only = {stack.spec.digest} if stack.status in SETTLED else digests
        known.append(Ran(row, now, frozenset(only)))
        return known[-1]

    def tell_again(self) -> None:
        """Have the stream deliver the ends of all runs once more, as it may at any time."""
        for ran in [each for known in self.of.values() for each in known]:
            self._deliver(ran.event)

    def _end(self, ran: Ran, status: RunStatus, error: str | None) -> None:
        ran.row |= {"status": status, "ended_at": iso(self._timeline.now)}
        if error:
            ran.row["error"] = error
        self._timeline.note("run", ran.row)
        trouble = self._chance.random() < self.trouble
        late = self._chance.uniform(30, 300) if trouble else self._chance.uniform(0.2, 2)
        self._timeline.after(late, partial(self._deliver, ran.event))
        if self._chance.random() < self.trouble:
            again = self._chance.uniform(0, 600)
            self._timeline.after(again, partial(self._deliver, ran.event))

    def _deliver(self, event: dict[str, Any], deliveries: int = 1) -> None:
        self._faults.deaths += self.deaths
        self.deaths.clear()
        try:
            is_done = not self._invoke("run_stream", event)["batchItemFailures"]
        except FunctionError:
            is_done = False
        if is_done:
            return
        if deliveries == MOST_DELIVERIES:
            self.dead.append(event)
            return
        again = partial(self._deliver, event, deliveries + 1)
        self._timeline.after(2**deliveries, again)


class Rows:
    """The Jobs table, as the service writes it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def replace(self, row: Row, before: Row | None) -> None:
        world, name = self._world, str(row["job_name"])

        def write() -> None:
            if world.jobs.rows.get(name) != before:
                raise ConflictError("ConditionalCheckFailedException")
            self.write(name, row, before)

        world.calls("jobs.replace", write)

    def write(self, name: str, row: Row, before: Row | None) -> None:
        self._world.canaries.rolling_back(name, row, before)
        self._world.timeline.note("rolled back by its canary:", name)
        self._world.jobs.write(name, row)


class Service:
    """The service in the name of a canary, on a world's tables."""

    platform = PLATFORM
    has_audit = True
    because = None

    def __init__(self, world: World, caller: Callable[[], Caller]) -> None:
        self._world = world
        self.caller = caller
        self.clock = world.timeline
        self.triggers = world.runs
        self.jobs = Rows(world)
        self.audit = SimpleNamespace(write=lambda _: world.calls("audit.write", lambda: None))
        self.row_versions = SimpleNamespace(of=self._versions, row=self._row_of)

    def row(self, job_name: str) -> Row | None:
        return self._world.jobs.get_many([job_name]).get(job_name)

    def record(self, job_name: str) -> StackRecord | None:
        return self._world.stacks.get_many([job_name]).get(job_name)

    def permitted(self, job: Job | InvalidRow) -> Job | InvalidRow:
        return job

    def _versions(self, job_name: str) -> list[Any]:
        edits = [each for each in self._world.jobs.edits if each.job_name == job_name and each.new]
        versions = [
            SimpleNamespace(digests=("", content_digest(each.new)), deleted=False, of=each.new)
            for each in edits
        ]
        return self._world.calls("row_versions.of", lambda: versions)

    def _row_of(self, _job_name: str, version: Any) -> Row:
        row: Row = version.of
        return row
