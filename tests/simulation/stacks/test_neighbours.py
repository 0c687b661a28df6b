"""Bad jobs cost their neighbours no more than their share of CloudFormation's rates."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from provisioner.stacks.model import JobStatus
from provisioner.stacks.stack_status import StackStatus
from tests.simulation.stacks.cloudformation import BROKEN_HANDLER, LONGEST_SECONDS
from tests.simulation.stacks.code import MISSING
from tests.simulation.stacks.deeds import RECOVERABLE, TERMINAL, ResourceIsBroken, SomebodyMakes
from tests.simulation.stacks.mishaps import NonsenseInTheQueue, PoisonInTheStream
from tests.simulation.stacks.stories import row_of
from tests.simulation.stacks.world import World
from tests.support.drawn import examples

GOOD = "good"
SHARE_SECONDS = 20
"""A record, an event and a message take some seconds; a dozen operations stand in line for six."""

ROWS = st.sampled_from(
    ({"handler": BROKEN_HANDLER}, {"memory_mb": 1}, {"type": "nonsense"}, {"bundle": MISSING}, {})
)


def deeds(name):
    reasons = st.sampled_from((RECOVERABLE, TERMINAL))
    kinds = st.sampled_from(("create", "update", "delete"))
    return st.one_of(
        st.builds(ResourceIsBroken, st.just(name), kinds, reasons, st.just(20), st.just(20)),
        st.builds(SomebodyMakes, st.just(name), st.just(StackStatus.CREATE_COMPLETE), st.none()),
        st.builds(PoisonInTheStream, st.sampled_from((name, GOOD))),
        st.builds(NonsenseInTheQueue, st.sampled_from(("not ours", "[]"))),
    )


@settings(max_examples=examples(60), deadline=None, database=None, derandomize=True)
@given(data=st.data(), jobs=st.integers(1, 12), seconds=st.sampled_from((0, 1, 30, 400)))
def test_a_good_job_is_ready_in_its_own_time(data, jobs, seconds):
    world = World()
    for number in range(jobs):
        name = f"bad-{number}"
        data.draw(deeds(name)).happen(world)
        world.jobs.write(name, row_of(name, data.draw(ROWS)))
    world.run(seconds)

    world.jobs.write(GOOD, row_of(GOOD, {}))
    world.run(LONGEST_SECONDS + SHARE_SECONDS)

    assert world.stacks.records[GOOD].status is JobStatus.READY, world.timeline.diary()
