"""Any story of a few jobs: edits, faults, what people do by hand; then quiet."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.simulation import deeds, mishaps
from tests.simulation.world.bug import NO_BUG
from tests.simulation.world.cloudformation import BROKEN_HANDLER
from tests.simulation.world.world import MISSING, World

NAMES = ("alpha", "beta", "gamma")

GOOD = (
    {"memory_mb": 128},
    {"memory_mb": 256},
    {"memory_mb": 512},
    {"memory_mb": 128, "deletion_policy": "retain"},
    {"memory_mb": 256, "deletion_policy": "retain"},
)
OTHER = (
    {"handler": BROKEN_HANDLER},
    {"handler": BROKEN_HANDLER, "memory_mb": 256},
    {"memory_mb": 128, "paused": True},
    {"memory_mb": 256, "paused": True, "deletion_policy": "retain"},
    {"memory_mb": 1},
    {"type": "nonsense"},
    {"bundle": MISSING},
)
ROWS = st.sampled_from((*GOOD, *GOOD, *OTHER, None))
JOBS = st.sampled_from((NAMES[0], NAMES[0], NAMES[0], *NAMES[1:]))
THEN_SECONDS = st.sampled_from((0, 1, 5, 20, 60, 200))


def row_of(name: str, attributes: dict[str, object] | None) -> dict[str, object] | None:
    """Return a row, None for none."""
    if attributes is None:
        return None
    return {
        "job_name": name,
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "app.handler",
        "bundle": "s3://bundles/report.zip",
        **attributes,
    }


class Story(RuleBasedStateMachine):
    """Each rule is a thing that may happen; the invariants are the world's own (`Truth`)."""

    bug = NO_BUG

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.bug)

    @initialize(seed=st.integers(0, 999), trouble=st.sampled_from((0.0, 0.1, 0.4)), row=ROWS)
    def begins(self, seed, trouble, row):
        self.world.chance.seed(seed)
        self.world.set_trouble(trouble)
        self.write(NAMES[0], row, 5)

    @rule(name=JOBS, row=ROWS, then=THEN_SECONDS)
    def write(self, name, row, then):
        """A row is put, changed or removed."""
        self.world.jobs.write(name, row_of(name, row))
        self.world.run(then)

    @rule(name=JOBS, row=ROWS, turns=st.lists(st.integers(0, 2), max_size=12))
    def race(self, name, row, turns):
        """Two functions look at a job at the same time, while its row changes."""
        self.world.race(name, row_of(name, row), turns)

    @rule(seconds=st.sampled_from((10, 60, 200, 900, 4000)))
    def wait(self, seconds):
        self.world.run(seconds)

    @rule(fault=mishaps.faults(JOBS), then=THEN_SECONDS)
    def goes_wrong(self, fault, then):
        fault.happen(self.world)
        self.world.truth.changed()
        self.world.run(then)

    @rule(trouble=deeds.troubles(JOBS))
    def fails(self, trouble):
        trouble.happen(self.world)
        self.world.truth.changed(trouble.name)

    @rule(deed=deeds.people(JOBS), then=THEN_SECONDS)
    def by_hand(self, deed, then):
        deed.happen(self.world)
        self.world.truth.changed(deed.name)
        self.world.run(then)

    def teardown(self):
        try:
            if not self.world.lambdas.broken:
                self.world.lambdas.broken = True
                self.world.settle()
                self.world.lambdas.broken = False
        finally:
            if self.world.lambdas.broken:
                note(self.world.timeline.diary())
