"""Any story ends well: see `Story` for what may happen and `Truth` for what must hold.

A share of the schedules runs with every test, all ten thousand of them with `make test`. Each shard
is one seed; `make simulate SEED=… [SCHEDULES=…]` runs any seed alone.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.schedules import explore

SEEDS = range(2, 40)
SCHEDULES = 250
"""Of each seed. With the 500 of seed 1, in test_planted_bugs, they are ten thousand."""


@pytest.mark.parametrize("seed", [0])
def test_a_few_schedules(seed):
    explore(seed, 60)


@pytest.mark.simulation
@pytest.mark.parametrize("seed", SEEDS)
def test_ten_thousand_schedules(seed):
    explore(seed, SCHEDULES)


if asked := os.environ.get("SIMULATION_SEED"):

    @pytest.mark.simulation
    @pytest.mark.parametrize("seed", [int(seed) for seed in asked.split()])
    def test_one_seed_again(seed):
        explore(seed, int(os.environ.get("SIMULATION_SCHEDULES", SCHEDULES)))
