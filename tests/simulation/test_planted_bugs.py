"""The simulation finds bugs: each is caught by stories of test_stories, which pass without it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.simulation.migration import planted as of_migrations
from tests.simulation.migration.stories import MigrationStory
from tests.simulation.runs import planted as of_runs
from tests.simulation.runs.stories import RunsStory
from tests.simulation.stacks import planted as of_stacks
from tests.simulation.stacks.stories import StacksStory
from tests.simulation.stories import explore, shrunk
from tests.simulation.test_stories import FIXED, STORIES
from tests.support.drawn import one_of

SHARD = FIXED[0]
BUGS = {
    StacksStory: of_stacks.BUGS,
    RunsStory: of_runs.BUGS,
    MigrationStory: of_migrations.BUGS,
}
CASES = {name: (kind, bug) for kind, bugs in BUGS.items() for name, bug in bugs.items()}
PLANTED = one_of(32, [*CASES])


@pytest.mark.simulation
@pytest.mark.parametrize("name", PLANTED)
def test_it_is_caught(name):
    kind, bug = CASES[name]
    with pytest.raises(AssertionError):
        explore(kind, SHARD, STORIES[kind], bug, shrink=False, having=getattr(bug, "having", None))


@pytest.mark.parametrize(
    ("kind", "bug"),
    [
        (StacksStory, "reconciles_new_rows_only"),
        (RunsStory, "the_lock_is_free_before_the_work_has_stopped"),
        (MigrationStory, "a_run_of_an_old_workflow_is_not_listed"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.world,
)
def test_a_failing_story_says_how_to_play_it_again(kind, bug):
    with pytest.raises(AssertionError) as failed:
        explore(kind, SHARD, STORIES[kind], BUGS[kind][bug])

    *_, least, again = failed.value.__notes__
    assert "The least that fails" in least
    assert f"make simulate SEED={kind.world}/{SHARD}000" in again


@dataclass(frozen=True)
class Step:
    number: int

    def happen(self, world):
        raise NotImplementedError


@pytest.mark.parametrize("needed", [(), (3,), (0, 11), (2, 5, 7)], ids=str)
def test_a_story_is_shrunk_to_what_matters(needed):
    story = replace(StacksStory.draw(0), steps=tuple(map(Step, range(12))), trouble=0.4)

    least = shrunk(story, lambda other: {Step(number) for number in needed} <= {*other.steps})

    assert [step.number for step in least.steps] == list(needed)
    assert least.trouble == 0


def test_trouble_stays_where_it_matters():
    story = replace(StacksStory.draw(0), steps=(Step(1), Step(2)), trouble=0.4)

    least = shrunk(story, lambda other: other.trouble > 0 and Step(2) in other.steps)

    assert (least.trouble, least.steps) == (0.4, (Step(2),))
