"""Runs of a job that start at the same moment, in any order of their steps, for every policy."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.runs.model import RunStatus
from tests.simulation.runs.stories import POLICIES
from tests.simulation.runs.truth import check_at_rest
from tests.simulation.runs.world import World

OK, SKIPPED, STOPPED = RunStatus.SUCCEEDED, RunStatus.SKIPPED, RunStatus.STOPPED


def together(chance, overlap, runs, *, meet_one):
    """Let some runs start together, while one runs or nothing does; return how they ended."""
    world = World(chance, overlap, trouble=0)
    first = world.ask(seconds=200) if meet_one else None
    world.run(5)
    names = [world.ask(seconds=60) for _ in range(runs)]
    world.run(2000)
    check_at_rest(world)
    rows = {key.partition("#")[2]: row for key, row in sorted(world.table.rows().items())}
    assert len(rows) == len(world.asked)
    return rows.pop(first, None), [rows[name] for name in names]


@pytest.mark.parametrize("meet_one", [True, False], ids=["while one runs", "alone"])
@pytest.mark.parametrize("overlap", POLICIES)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.randoms(use_true_random=False), runs=st.integers(2, 6))
def test_each_policy_holds(overlap, meet_one, chance, runs):
    first, rows = together(chance, overlap, runs, meet_one=meet_one)

    ended = [row["status"] for row in rows]
    ran = [row["started_at"] for row in rows if row["status"] == OK]
    match overlap:
        case "skip":
            assert ended.count(OK) == int(not meet_one)
            assert set(ended) <= {OK, SKIPPED}
        case "queue_one":
            assert ended.count(OK) == 1 + int(not meet_one)
            assert set(ended) <= {OK, SKIPPED}
        case "queue_all" if meet_one:
            assert set(ended) == {OK}
            assert ran == sorted(ran)
        case "queue_all" | "allow":
            assert set(ended) == {OK}
        case _:
            assert ended[-1] == OK
            assert set(ended[:-1]) <= {SKIPPED, STOPPED}
    if first is not None:
        assert first["status"] == (STOPPED if overlap == "cancel_other" else OK)
