"""The fakes of the runs, which the unit tests and the simulation work with, keep the contract."""

from __future__ import annotations

import random

import pytest

from tests.contract.runs import NOW, DependantsContract, ExecutionsContract, RunsContract
from tests.simulation.runs.table import Table
from tests.simulation.runs.world import World
from tests.support.fakes import FakeDependants


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
