"""The fakes of the unit tests and of the simulation keep the contract."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.stacks.deletion_budget import Budget
from tests.contract.code import ArtifactIndexContract, BuildsContract, FullBuildsContract
from tests.contract.operations import (
    BusyOperationsContract,
    FailingOperationsContract,
    OperationsContract,
)
from tests.contract.sessions import SessionsContract
from tests.contract.tables import (
    DeletionBudgetContract,
    JobsContract,
    QueueContract,
    RateLimiterContract,
    StacksContract,
)
from tests.simulation.faults import Faults
from tests.simulation.stacks.calls import Calls, Invocation
from tests.simulation.stacks.cloudformation import BROKEN_HANDLER, CloudFormation
from tests.simulation.stacks.code import ArtifactIndex
from tests.simulation.stacks.codebuild import CodeBuild
from tests.simulation.stacks.operations import StackOperations
from tests.simulation.stacks.queue import Queue
from tests.simulation.stacks.tables import JobsTable, RateLimitsTable, StacksTable
from tests.simulation.timeline import Timeline
from tests.support.fakes import (
    FakeArtifactIndex,
    FakeBuilds,
    FakeClock,
    FakeCloudFormation,
    FakeDeletionBudget,
    FakeJobs,
    FakeRateLimiter,
    FakeStacks,
)
from tests.support.sign_in import FakeSessions

SIMULATED = "simulation"


class WorldParts:
    """What the world's ports are made from, without its people and its functions."""

    def __init__(self):
        self.timeline = Timeline()
        self.faults = Faults(self.timeline, random.Random(0))
        self.chance = random.Random(0)
        self.calls = Calls(self.timeline, self.faults, self.chance)
        self.invoke()

    def invoke(self):
        self.calls.invocation = Invocation("contract", self.timeline.now, 0)

    def run(self, seconds):
        while self.timeline.step(self.timeline.now + timedelta(seconds=seconds)):
            pass
        self.invoke()


@pytest.fixture
def parts():
    return WorldParts()


class TestJobs(JobsContract):
    @pytest.fixture(params=["unit", SIMULATED])
    def jobs(self, request, parts):
        return FakeJobs() if request.param == "unit" else JobsTable(parts.calls)

    @pytest.fixture
    def put(self, jobs):
        def put(row):
            jobs.rows[row["job_name"]] = row

        return put


class TestStacks(StacksContract):
    @pytest.fixture
    def stacks(self, parts):
        return StacksTable(parts.calls, parts.chance)


class TestStacksOfUnitTests(StacksContract):
    test_the_sweep_finds_what_was_not_touched = None  # only the sweep's own tests read the index

    @pytest.fixture
    def stacks(self):
        return FakeStacks()


class TestQueue(QueueContract):
    @pytest.fixture
    def received(self):
        return []

    @pytest.fixture
    def queue(self, parts, received):
        def invoke(_function, event):
            received.extend(json.loads(record["body"]) for record in event["Records"])
            return {"batchItemFailures": []}

        return Queue(parts.timeline, parts.chance, parts.calls, invoke)

    @pytest.fixture
    def receive(self, parts, received):
        def receive():
            parts.run(1)
            return received

        return receive


class TestRateLimiter(RateLimiterContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture(params=["unit", SIMULATED])
    def rate_limiter(self, request, parts, clock):
        return (
            FakeRateLimiter(clock)
            if request.param == "unit"
            else RateLimitsTable(parts.calls, clock)
        )


class TestDeletionBudget(DeletionBudgetContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture
    def deletion_budget(self, clock):
        return FakeDeletionBudget(clock, Budget(2, 25))


class TestArtifactIndex(ArtifactIndexContract):
    @pytest.fixture(params=["unit", SIMULATED])
    def index(self, request, parts):
        return FakeArtifactIndex() if request.param == "unit" else ArtifactIndex(parts.calls)


def codebuild(parts):
    return CodeBuild(
        parts.timeline, parts.chance, parts.calls, lambda _: None, lambda _: {}, lambda _: None
    )


class TestBuilds(BuildsContract):
    @pytest.fixture(params=["unit", SIMULATED])
    def builds(self, request, parts):
        return FakeBuilds() if request.param == "unit" else codebuild(parts)


class TestFullBuilds(FullBuildsContract):
    @pytest.fixture(params=["unit", SIMULATED])
    def builds(self, request, parts):
        builds = FakeBuilds() if request.param == "unit" else codebuild(parts)
        builds.room = 1
        return builds


class UnitSubject:
    def __init__(self):
        self.operations = FakeCloudFormation(FakeClock())
        self._failure = None

    def finish(self, name):
        if name in self.operations.running():
            self.operations.finish(name, self._failure)
        self._failure = None

    def spoil(self, request):
        self._failure = "it is broken"
        return request


class SimulatedSubject:
    def __init__(self, parts):
        self._parts = parts
        service = CloudFormation(parts.timeline, parts.chance, lambda *_: None)
        self.operations = StackOperations(
            service, parts.timeline, parts.calls, parts.faults, parts.chance
        )

    def finish(self, name):
        del name
        self._parts.run(1000)

    def spoil(self, request):
        return replace(request, template=request.template + BROKEN_HANDLER)


class TestOperations(OperationsContract, FailingOperationsContract, BusyOperationsContract):
    @pytest.fixture(params=["unit", SIMULATED])
    def subject(self, request, parts):
        return UnitSubject() if request.param == "unit" else SimulatedSubject(parts)


class TestSessions(SessionsContract):
    @pytest.fixture
    def sessions(self):
        return FakeSessions()
