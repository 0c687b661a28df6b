"""What random stories of upgrades come to too seldom."""

from __future__ import annotations

from provisioner.stacks.model import JobStatus
from provisioner.stacks.upgrade import UpgradeStatus
from tests.simulation.stacks.deeds import TERMINAL, ResourceIsBroken
from tests.simulation.stacks.rows import row_of
from tests.simulation.stacks.upgrades import (
    FLEET,
    VERSIONS,
    BeginUpgrade,
    FleetIsThere,
    Release,
    ResumeUpgrade,
)
from tests.simulation.stacks.world import World

B, C = VERSIONS
BROKEN = FLEET[0]


def test_a_release_that_comes_back_does_not_finish_an_upgrade_that_is_over():
    world = World()
    broken = ResourceIsBroken(BROKEN, "update", TERMINAL, 1, 0)
    upgrade = BeginUpgrade((100,), 0, 1, None, 1200)
    for step in (FleetIsThere(2), Release(B, 60), broken, upgrade, ResumeUpgrade(False, 1200)):
        step.happen(world)
    assert world.upgrades.kept.status is UpgradeStatus.SUCCEEDED
    assert world.stacks.records[BROKEN].status is JobStatus.FAILED

    Release(C, 60).happen(world)
    world.jobs.write(BROKEN, row_of(BROKEN, {"memory_mb": 256}))
    world.run(600)
    Release(B, 60).happen(world)
    world.look(BROKEN)

    world.settle()
    assert world.stacks.records[BROKEN].template_version == C
