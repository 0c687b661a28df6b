"""Any story ends well: see `Story` for what may happen and `Truth` for what must hold.

A share of the schedules runs with every test, those of fixed seeds and of seeds that each commit
draws with `make test`, as many as one likes with `make simulate-night`. Each shard is one seed;
`make simulate SEED=… [SCHEDULES=…]` runs any seed alone.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.schedules import explore
from tests.simulation.seeds import seeds

FIXED = (2, 3, 4, 5, 1890887278)
SCHEDULES = 250
"""Of each seed."""


@pytest.mark.parametrize("seed", [0])
def test_a_few_schedules(seed):
    explore(seed, 60)


@pytest.mark.simulation
@pytest.mark.parametrize("seed", seeds(FIXED))
def test_schedules(seed):
    explore(seed, SCHEDULES)


if asked := os.environ.get("SIMULATION_SEED"):

    @pytest.mark.simulation
    @pytest.mark.parametrize("seed", [int(seed) for seed in asked.split()])
    def test_one_seed_again(seed):
        explore(seed, int(os.environ.get("SIMULATION_SCHEDULES", SCHEDULES)))
