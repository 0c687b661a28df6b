"""A release and an upgrade in waves, in the middle of stories of edits, faults and crashes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.stacks.model import JobStatus
from provisioner.stacks.upgrade import Upgrade, UpgradeStatus, resume
from tests.simulation.stacks.deeds import TERMINAL, ResourceIsBroken
from tests.simulation.stacks.stories import StacksStory, row_of
from tests.simulation.stacks.wiring import Watched
from tests.support.functions import having
from tests.support.platforms import PLATFORM

B = "templates-b"
OTHERS = ("delta", "epsilon", "zeta", "eta", "theta")


class NoFailedRuns:
    def since(self, moment):
        del moment
        return []


def release(world):
    """Let the functions be of a release with other templates."""
    own = world.lambdas.runtime
    ports = replace(own.ports, template_version=B)
    world.lambdas.runtime = having(
        own,
        ports=ports,
        template_version=B,
        failed_runs=NoFailedRuns(),
        reconciler=Watched(ports, PLATFORM, world.timeline, world.chance),
    )


@pytest.mark.parametrize("seed", range(25))
def test_waves_among_edits_and_faults(seed):
    story = StacksStory.draw(seed)
    world = story.begin(None)
    half = len(story.steps) // 2
    for name in OTHERS:  # to which only what goes wrong for all happens
        world.jobs.write(name, row_of(name, {"memory_mb": 128}))
    world.run(2000)
    for step in story.steps[:half]:
        step.happen(world)
    release(world)
    upgrades = world.lambdas.runtime.upgrades
    now = world.timeline.now
    upgrades.save(Upgrade("upgrade-1", (40, 100), timedelta(minutes=10), 1, "anna", now))
    world.truth.changed()
    if seed % 2:
        ResourceIsBroken(OTHERS[seed % 5], "update", TERMINAL, 1, 0).happen(world)
    for step in story.steps[half:]:
        step.happen(world)
        if upgrades.kept.status is UpgradeStatus.PAUSED:
            upgrades.save(resume(upgrades.kept))
            world.truth.changed()

    world.settle()

    records = world.stacks.records.values()
    if upgrades.kept.status is UpgradeStatus.SUCCEEDED:
        chosen = [each for each in records if each.upgrade and each.status is JobStatus.READY]
        assert {each.template_version for each in chosen} <= {B}
    else:
        assert upgrades.kept.status in {UpgradeStatus.PAUSED, UpgradeStatus.RUNNING}
    for each in records:
        stack = world.cloudformation.stacks.get(f"jobs-{each.job_name}")
        if each.status is JobStatus.READY:
            assert each.template_version == stack.spec.parameters["TemplateVersion"]
