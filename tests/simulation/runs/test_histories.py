"""Any history of runs ends well: see `World.check` and `World.check_at_rest` for what must hold.

A share of the histories runs with every test, those of fixed shards and of shards that each commit
draws with `make test`, as many as one likes with `make simulate-night`. A history that ends badly
names its seed; `make simulate-run SEED=…` plays it again.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from provisioner.runs.model import RunStatus
from tests.simulation.runs.histories import explore, play
from tests.simulation.seeds import seeds

FIXED = (1, 2, 3, 4, 3510122591)
HISTORIES = 500


def test_a_few_histories():
    explore(0, 100)


@pytest.mark.simulation
@pytest.mark.parametrize("shard", seeds(FIXED))
def test_histories(shard):
    explore(shard, HISTORIES)


def test_histories_are_not_all_alike():
    worlds = [play(seed) for seed in range(60)]

    statuses = Counter(row["status"] for w in worlds for row in w.table.rows().values())
    assert statuses.keys() == {
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.TIMED_OUT,
        RunStatus.STOPPED,
        RunStatus.SKIPPED,
    }
    assert sum(len(world.started_for) for world in worlds) > 20  # runs that waited


if asked := os.environ.get("SIMULATION_RUN_SEED"):

    @pytest.mark.simulation
    @pytest.mark.parametrize("seed", [int(seed) for seed in asked.split()])
    def test_one_seed_again(seed):
        play(seed)
