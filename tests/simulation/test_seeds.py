"""A seed in text names its world, and the same seed is the same story."""

from __future__ import annotations

import pytest

from tests.simulation.migration.stories import MigrationStory
from tests.simulation.runs.stories import RunsStory
from tests.simulation.seeds import story_of
from tests.simulation.stacks.stories import StacksStory

KINDS = (StacksStory, RunsStory, MigrationStory)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.world)
def test_a_seed_is_one_story(kind):
    assert story_of(f"{kind.world}/7", KINDS) == kind.draw(7)
    assert kind.draw(7) != kind.draw(8)


@pytest.mark.parametrize("text", ["", "7", "stacks", "stacks/", "stacks/a", "rows/7", "runs/-1"])
def test_what_is_not_a_seed_is_refused_with_what_to_write(text):
    with pytest.raises(ValueError, match="write it as stacks/7 or runs/7 or migration/7"):
        story_of(text, KINDS)
