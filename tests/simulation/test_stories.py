"""Any story ends well, in the worlds of stacks, of runs and of a migration.

What may happen is in each world's `stories`, what must hold in its `truth` (of a migration in its
`world`). A share of the stories is played with every test, those of fixed shards and of shards that
each commit draws with `make test`, as many as one likes with `make simulate-night`. `make simulate
SEED=stacks/7` plays one again.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from provisioner.runs.model import RunStatus
from tests.simulation.migration.stories import MigrationStory
from tests.simulation.runs.stories import RunsStory
from tests.simulation.seeds import NIGHT, SEED, shards, story_of
from tests.simulation.stacks.stories import StacksStory
from tests.simulation.stories import explore, play
from tests.support.drawn import whole

STORIES = {StacksStory: 150, RunsStory: 500, MigrationStory: 300}
"""Of each shard; of the one that a commit draws, a quarter."""
FEW = {StacksStory: 20, RunsStory: 50, MigrationStory: 25}
FIXED = (1,)
"""In which a planted bug fails some story."""
SHARDS = [(kind, shard) for kind in STORIES for shard in shards(FIXED)]

FOUND = (
    *("stacks/900094", "stacks/138556693500052", "stacks/210635648900218"),
    *("stacks/171077268800068", "stacks/20003028", "stacks/20007014"),
    *("stacks/298644154800034", "runs/239905800365", "runs/21026432000375"),
    *("runs/199126778800263", "stacks/777703549", "stacks/298282210700072"),
    *("stacks/59270560400126", "stacks/282975013200121", "stacks/239740733000134"),
)
"""Stories that once ended badly."""


@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.world)
def test_a_few_stories(kind):
    explore(kind, 0, FEW[kind])


@pytest.mark.parametrize("seed", FOUND)
def test_what_ended_badly_once(seed):
    play(story_of(seed, STORIES))


@pytest.mark.simulation
@pytest.mark.parametrize(("kind", "shard"), SHARDS, ids=[f"{k.world}/{s}" for k, s in SHARDS])
def test_stories(kind, shard):
    explore(kind, shard, STORIES[kind] if at_length(shard) else STORIES[kind] // 4)


def at_length(shard):
    return whole() or shard in FIXED or NIGHT in os.environ


def test_stories_of_runs_are_not_all_alike():
    worlds = [play(RunsStory.draw(seed)) for seed in range(60)]

    statuses = Counter(row["status"] for w in worlds for row in w.table.rows().values())
    assert statuses.keys() == {
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.TIMED_OUT,
        RunStatus.STOPPED,
        RunStatus.SKIPPED,
    }
    assert sum(len(world.started_for) for world in worlds) > 20  # runs that waited
    assert sum(world.messages_sent for world in worlds) > 20


if asked := os.environ.get(SEED):

    @pytest.mark.simulation
    @pytest.mark.parametrize("seed", asked.split())
    def test_one_seed_again(seed):
        play(story_of(seed, STORIES))
