"""What an edited row costs among ten jobs, and among ten thousand: it must not grow."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import asdict
from functools import partial

from bench import cold_start, environment, rows
from bench.measure import Comparison, cpu_seconds, in_turns
from bench.reconcile import Context, stream_event
from provisioner.entrypoints import job_stream
from provisioner.stacks.model import JobStatus
from provisioner.stacks.ports import Ports
from tests.simulation.stacks.wiring import wired
from tests.support.fakes import (
    FakeArtifactIndex,
    FakeBuilds,
    FakeClock,
    FakeCloudFormation,
    FakeDeletionBudget,
    FakeDependants,
    FakeJobRuns,
    FakeJobs,
    FakePauses,
    FakeQueue,
    FakeStacks,
    UnlimitedRateLimiter,
)
from tests.support.platforms import synthesize

FEW, MANY = 10, 10_000
EDITED = 10
ROUNDS = 20
AIM = 1.1


class World:
    """So many jobs, all of them READY, in memory."""

    def __init__(self, jobs: int) -> None:
        self.clock = FakeClock()
        self.rows, self.stacks = FakeJobs(), FakeStacks()
        self.cloudformation = FakeCloudFormation(self.clock)
        self.ports = Ports(
            self.rows,
            self.stacks,
            self.cloudformation,
            FakeQueue(),
            UnlimitedRateLimiter(self.clock),
            lambda job: job,
            FakeDependants(),
            FakeArtifactIndex(),
            FakeDeletionBudget(self.clock),
            FakeJobRuns(),
            FakePauses(),
            synthesize,
            "",
            FakeBuilds(),
        )
        self.runtime = wired(self.ports, self.clock, random.Random(1))  # noqa: S311
        self._memory_mb = 512
        self.names = [f"orders-{number}" for number in range(jobs)]
        self.rows.rows = {name: rows.lambda_row(name) for name in self.names}

    def look(self, names: list[str]) -> None:
        event = stream_event(len(names))
        for record, name in zip(event["Records"], names, strict=True):
            record["dynamodb"]["Keys"]["job_name"]["S"] = name
        assert job_stream.handler(event, Context(), self.runtime) == {"batchItemFailures": []}

    def bring_up(self) -> None:
        for start in range(0, len(self.names), 100):
            self.change(self.names[start : start + 100])

    def change(self, names: list[str]) -> None:
        """Have jobs looked at, their operations end, and looked at again."""
        self.look(names)
        for name in names:
            self.cloudformation.finish(f"jobs-{name}")
        self.look(names)
        assert all(self.stacks.records[name].status is JobStatus.READY for name in names)

    def edit(self) -> None:
        self._memory_mb = 1536 - self._memory_mb
        names = self.names[-EDITED:]
        for name in names:
            self.rows.rows[name] = rows.lambda_row(name) | {"memory_mb": self._memory_mb}
        self.change(names)


def compare() -> list[Comparison]:
    """Measure in a process of its own, whose environment and log are a function's."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.growth"],
        check=True,
        cwd=cold_start.ROOT,
        env=environment.for_process({"LOG_LEVEL": "CRITICAL"}),
        stdout=subprocess.PIPE,
        text=True,
    )
    return [Comparison(**json.loads(done.stdout.splitlines()[-1]))]


def measure() -> Comparison:
    few, many = World(FEW), World(MANY)
    for world in (few, many):
        world.bring_up()
    ours, against = in_turns(partial(_seconds, many), partial(_seconds, few))
    name = f"a changed row among {MANY:,} jobs"
    counts = {"changes": ROUNDS * EDITED}
    return Comparison(name, f"among {FEW}", ours, against, aim=AIM, counts=counts)


def _seconds(world: World) -> float:
    return cpu_seconds(world.edit, ROUNDS)


if __name__ == "__main__":
    print(json.dumps(asdict(measure())))
