"""Running many stories from one seed, and saying how to run one again."""

from __future__ import annotations

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Story
from tests.simulation.world.bug import NO_BUG, Bug

STEPS = 25


def explore(seed: int, schedules: int, bug: Bug = NO_BUG, *, shrink: bool = True) -> None:
    """Run as many stories; the first that ends badly is shrunk, unless nobody will read it."""
    machine = hypothesis.seed(seed)(type("Story", (Story,), {"bug": bug}))
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=schedules,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=phases,
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
                print_blob=True,
            ),
        )
    except BaseException as error:
        error.add_note(f"Again, and shrunk: make simulate SEED={seed} SCHEDULES={schedules}")
        raise
