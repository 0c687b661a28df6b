"""The fakes of the runs, which the unit tests and the simulation work with, keep the contract."""

from __future__ import annotations

import random

import pytest

from provisioner.runs.model import iso
from tests.contract.runs import (
    JOB,
    NOW,
    DependantsContract,
    ExecutionsContract,
    JobRunsContract,
    MessageQueuesContract,
    PausesContract,
    RecentRunsContract,
    RunCostsContract,
    RunsContract,
    SlotsContract,
    SubmissionsContract,
)
from tests.simulation.runs.queues import Queues
from tests.simulation.runs.table import Table
from tests.simulation.runs.world import World
from tests.support.fakes import (
    FakeDependants,
    FakeJobRuns,
    FakeMessageQueues,
    FakePauses,
    FakeRecentRuns,
    FakeRunCosts,
    FakeSlots,
    FakeSubmissions,
)


class TestRuns(RunsContract):
    @pytest.fixture
    def runs(self):
        return Table(lambda: NOW, 900)

    @pytest.fixture
    def put(self, runs):
        return runs.put

    @pytest.fixture
    def read(self, runs):
        return runs.items.get


class TestExecutions(ExecutionsContract):
    @pytest.fixture
    def executions(self):
        return World(random.Random(0), "skip", trouble=0)


class TestDependants(DependantsContract):
    @pytest.fixture
    def dependants(self):
        return FakeDependants()


class TestSlots(SlotsContract):
    @pytest.fixture
    def slots(self):
        return FakeSlots()


class TestSubmissions(SubmissionsContract):
    @pytest.fixture
    def submissions(self):
        return FakeSubmissions(lambda: NOW)


class TestJobRuns(JobRunsContract):
    @pytest.fixture
    def job_runs(self):
        return FakeJobRuns()

    @pytest.fixture
    def begin(self, job_runs):
        return job_runs.running.__setitem__


class TestPauses(PausesContract):
    @pytest.fixture
    def pauses(self):
        return FakePauses()

    @pytest.fixture
    def since(self, pauses):
        return lambda job_name: next(map(iso, reversed(pauses.ended.get(job_name, []))), None)


class TestRecentRuns(RecentRunsContract):
    @pytest.fixture
    def recent(self):
        return FakeRecentRuns()

    @pytest.fixture
    def read(self, recent):
        return recent.of.get


class TestRunCosts(RunCostsContract):
    @pytest.fixture
    def costs(self):
        return FakeRunCosts()

    @pytest.fixture
    def put(self, costs):
        return lambda key, item: costs.rows.update({(JOB, key): item})

    @pytest.fixture
    def read(self, costs):
        return lambda key: costs.rows[JOB, key]


class TestMessageQueues(MessageQueuesContract):
    @pytest.fixture
    def queues(self):
        return FakeMessageQueues()

    @pytest.fixture
    def waiting(self, queues):
        return lambda: ids(queues.parked)

    @pytest.fixture
    def ready(self, queues):
        return lambda: ids(queues.ready)


class TestSimulatedMessageQueues(TestMessageQueues):
    """Those of the simulation, whose messages arrive after a while."""

    @pytest.fixture
    def world(self):
        return World(random.Random(0), "allow", trouble=0)

    @pytest.fixture
    def queues(self, world):
        return KeepingAll(world)

    @pytest.fixture
    def ready(self, queues, world):
        def ready():
            world.run(5)
            return ids(queues.ready)

        return ready


class KeepingAll(Queues):
    """Nothing receives what is ready."""

    def _poll(self):
        pass


def ids(messages):
    return sorted(message.id for message in messages.get(JOB, []))
