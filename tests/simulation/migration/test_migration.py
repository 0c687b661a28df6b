"""Tables of the version before are migrated while old and new functions work and die."""

from __future__ import annotations

import random

import pytest

from provisioner.aws.index_backfill import IndexBackfill
from provisioner.aws.run_list import RunList
from provisioner.runs.keys import INDEX
from provisioner.runs.model import RunStatus
from tests.simulation.migration.world import JOBS, Bug, World
from tests.support.drawn import commit, whole

STORIES = 2_000 if whole() else 100
STATUSES = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED)
FOUND = (0, 3, "b67a1747f1efc9dc4608aab794b1e3083e6ebbd0/46")
"""Stories that once ended badly.

A function of the version before heard of a run's end; a run was skipped in a shard of before.
"""


def play(seed, bug):
    chance = random.Random(seed)
    world = World(chance, chance.choice((0, 0.02, 0.1)), bug)
    for _ in range(chance.randint(0, 12)):
        world.earlier_run(chance.choice(JOBS), chance.choice(STATUSES))
    world.timeline.after(chance.uniform(0, 600), world.deploy)
    for _ in range(chance.randint(3, 25)):
        if chance.random() < 0.1:
            world.new_workflows.add(chance.choice(JOBS))
        world.begin_run(chance.choice(JOBS))
        world.run(chance.choice((0.1, 5, 60, 200)))
    try:
        world.settle()
    except AssertionError as error:
        error.add_note(f"Again: play({seed!r}, Bug())\n{world.timeline.diary()}")
        raise


def play_many(count, bug):
    for seed in range(count):
        play(seed, bug)


def test_every_run_is_listed_once_and_whole():
    for number in range(STORIES):
        play(f"{commit()}/{number}", Bug())


@pytest.mark.parametrize("seed", FOUND)
def test_what_ended_badly_once(seed):
    play(seed, Bug())


class AtOnce(RunList):
    """Begins while functions of the version before are at work."""

    def backfill(self, limit, now):
        progress = IndexBackfill(self._clients, self._name, INDEX)
        if not progress.is_done() and progress.after("job_name", "trigger_id") is None:
            first = {"job_name": "", "trigger_id": ""}
            progress.note(first, now)
        return super().backfill(limit, now)


class OnePage(RunList):
    """Takes one page for the whole table."""

    def _scanned(self, after, limit):
        rows, _ = super()._scanned(after, limit)
        return rows, None


class NotedBefore(RunList):
    """Notes a page before its rows are written."""

    def _scanned(self, after, limit):
        rows, end = super()._scanned(after, limit)
        if end is not None:
            IndexBackfill(self._clients, self._name, INDEX).note(end, self._now)
        return rows, end

    def backfill(self, limit, now):
        self._now = now
        return super().backfill(limit, now)


BUGS = {
    "begins_at_once": Bug(run_list=AtOnce),
    "ends_after_a_page": Bug(run_list=OnePage),
    "forgets_a_page_that_was_cut_off": Bug(run_list=NotedBefore),
    "lists_no_run_of_an_old_workflow": Bug(hears=False),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_caught(bug):
    with pytest.raises(AssertionError):
        play_many(300, bug)
