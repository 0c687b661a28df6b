"""A job whose first runs decide about its deployments, in the middle of any story."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from provisioner.jobs import InvalidRow, Job
from provisioner.runs.model import RunStatus
from provisioner.stacks.model import JUDGED, Deployment, JobStatus, StackRecord
from tests.simulation.faults import Broken, Death
from tests.simulation.stacks.code import KEYS
from tests.simulation.stacks.rows import row_of
from tests.simulation.stacks.runs import COUNTED, Ran
from tests.simulation.stacks.tables import Row
from tests.simulation.stacks.wiring import MEMORY
from tests.simulation.stories import Step

if TYPE_CHECKING:
    from provisioner.jobs.deploy import Canary
    from tests.simulation.stacks.world import World

MOST_TURNS = 9
_KEPT = 0.3
_FIRST_FAILS = 0.5
"""Share of the jobs whose first deployment fails already, which has none before it."""
_DEPLOYED = 300
"""Seconds after which a change is deployed, if nothing goes wrong."""
_TWO = {"deploy": {"canary": {"runs": 2}}}
_ROWS: tuple[dict[str, object], ...] = (
    {"memory_mb": 128, **_TWO},
    {"memory_mb": 256, **_TWO},
    {"memory_mb": 1024, **_TWO},
    {"memory_mb": 512, **_TWO},
    {"memory_mb": 128, "deploy": {"canary": {"runs": 1}}},
    {"memory_mb": 256, "deploy": {"canary": {"runs": 1, "rollback_on_failure": False}}},
    {"memory_mb": 128, **_TWO, "paused": True},
    {"memory_mb": 256},
)
_ENDS: tuple[tuple[RunStatus, str | None], ...] = (
    (RunStatus.SUCCEEDED, None),
    (RunStatus.SUCCEEDED, None),
    (RunStatus.FAILED, "ValueError"),
    (RunStatus.FAILED, "ValueError"),
    (RunStatus.TIMED_OUT, "States.Timeout"),
    (RunStatus.FAILED, "InsufficientCapacity"),
    (RunStatus.STOPPED, "Stopped"),
)


class Canaries:
    """What must hold whenever a canary rolls a job back, and once everything is at rest."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rolled_back = 0

    def rolling_back(self, name: str, row: Row, before: Row | None) -> None:
        """Check that a job has to be rolled back, and to what."""
        world, record = self._world, self._world.stacks.records[name]
        if world.jobs.rows.get(name) != before:
            raise Broken(f"{name} is rolled back over a newer row")
        canary, last = _canary_of(before), record.deployments[0]
        if canary is None or last.cause not in JUDGED:
            raise Broken(f"{name} is rolled back from {last}, with the row {before}")
        failed = self._first_failure(name, last.at, canary)
        if failed is None or last.digest not in failed.digests:
            raise Broken(f"{name} is rolled back from {last} because of {failed}")
        # A push that is not deployed yet goes on: only the row is gone back from.
        wanted = world.desired_since(row, last.at)
        digests = {MEMORY.spec_digest(job) for job in wanted if isinstance(job, Job)}
        if digests.isdisjoint({each.digest for each in record.deployments} - {last.digest}):
            raise Broken(f"{name} is rolled back to {row}, none of {record.deployments[1:]}")
        self.rolled_back += 1

    def check_at_rest(self, name: str) -> None:
        """Check that no deployment stays of which a run that decides has failed."""
        record, row = self._world.stacks.records.get(name), self._world.jobs.rows.get(name)
        canary = _canary_of(row)
        if canary is None or record is None or not _is_judged(record):
            return
        last = record.deployments[0]
        failed = self._first_failure(name, last.at, canary)
        assert failed is None, f"{last} stays although {failed} failed\nrow {row}"

    def _first_failure(self, name: str, since: datetime, canary: Canary) -> Ran | None:
        settled_at = self._world.stacks.records[name].ready_since or since
        ended = [
            each
            for each in self._world.runs.of.get(name, ())
            if each.began_at > since
            and each.decides
            and (each.row["status"] in _GOOD or each.began_at > settled_at)
        ]
        ended.sort(key=lambda each: (each.row["ended_at"], each.row["trigger_id"]))
        return next((e for e in ended[: canary.runs] if e.row["status"] in COUNTED - _GOOD), None)


_GOOD = {RunStatus.SUCCEEDED}


def _canary_of(row: Row | None) -> Canary | None:
    """Return the canary by which a row wants to be rolled back."""
    job = row and MEMORY.parse(row)
    if not job or isinstance(job, InvalidRow) or job.paused or not job.deploy:
        return None
    canary = job.deploy.canary
    return canary if canary and canary.rollback_on_failure else None


def _is_judged(record: StackRecord) -> bool:
    """Tell whether a job is what its row asks for, and there is something to go back to."""
    known: tuple[Deployment, ...] = record.deployments
    if record.status is not JobStatus.READY or not known or known[0].cause not in JUDGED:
        return False
    return any(each.digest != known[0].digest for each in known)


@dataclass(frozen=True)
class WriteCanary:
    """A row is put that has a canary, or no longer has one."""

    name: str
    row: dict[str, object]
    then_seconds: float

    def happen(self, world: World) -> None:
        world.jobs.write(self.name, row_of(self.name, self.row))
        world.run(self.then_seconds)


@dataclass(frozen=True)
class PushCode:
    """New code of the job comes."""

    then_seconds: float

    def happen(self, world: World) -> None:
        world.push(KEYS[0])
        world.run(self.then_seconds)


@dataclass(frozen=True)
class RunEnds:
    """A run begins, of whatever is deployed, and ends so."""

    name: str
    seconds: float
    status: RunStatus
    error: str | None
    then_seconds: float

    def happen(self, world: World) -> None:
        world.runs.begin(self.name, self.seconds, self.status, self.error)
        world.run(self.then_seconds)


@dataclass(frozen=True)
class JudgementIsCutOff:
    """A run fails, and the function that hears of it dies at a call, or after it."""

    name: str
    calls_before: int
    after: bool
    then_seconds: float

    def happen(self, world: World) -> None:
        if world.runs.failed(self.name) is not None:
            world.runs.deaths.append(Death(self.calls_before, self.after))
        world.run(self.then_seconds)


@dataclass(frozen=True)
class EditDuringJudgement:
    """A run fails, and the row is written while a function judges the job's deployment by it."""

    name: str
    row: dict[str, object]
    turns: tuple[int, ...]
    then_seconds: float

    def happen(self, world: World) -> None:
        failed = world.runs.failed(self.name)
        if failed is not None:
            row = row_of(self.name, self.row)
            world.edit_during("run_stream", failed.event, self.name, row, list(self.turns))
        world.run(self.then_seconds)


def with_canary(
    chance: random.Random, steps: Sequence[Step], name: str, then_seconds: Sequence[float]
) -> tuple[Step, ...]:
    """Return a third of the steps of a story with deployments and their first runs among them."""
    merged = [step for step in steps if chance.random() < _KEPT]
    added: list[Step] = [WriteCanary(name, _ROWS[0], _DEPLOYED)]
    if chance.random() < _FIRST_FAILS:
        added.append(RunEnds(name, 1, RunStatus.FAILED, "ValueError", 20))
    for _ in range(chance.randint(2, 4)):
        added.append(_change(chance, name, then_seconds))
        added += [_run(chance, name, then_seconds) for _ in range(chance.randint(1, 4))]
    places = sorted(chance.randint(0, len(merged)) for _ in added)
    for place, step in reversed([*zip(places, added, strict=True)]):
        merged.insert(place, step)
    return tuple(merged)


def _change(chance: random.Random, name: str, then_seconds: Sequence[float]) -> Step:
    then = chance.choice((_DEPLOYED, _DEPLOYED, _DEPLOYED, *then_seconds[-2:]))
    return chance.choice((WriteCanary(name, chance.choice(_ROWS), then), PushCode(then)))


def _run(chance: random.Random, name: str, then_seconds: Sequence[float]) -> Step:
    then = chance.choice((*then_seconds, _DEPLOYED))
    status, error = chance.choice(_ENDS)
    turns = (*(0,) * chance.randint(2, MOST_TURNS), 2)
    ends = RunEnds(name, chance.choice((0, 0, 1, 30, 400)), status, error, then)
    return chance.choice(
        (
            *(ends,) * 6,
            *(EditDuringJudgement(name, chance.choice(_ROWS), turns, then),) * 2,
            *(JudgementIsCutOff(name, chance.randint(1, 10), chance.random() < 0.5, then),) * 2,
        )
    )
