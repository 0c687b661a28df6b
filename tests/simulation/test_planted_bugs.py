"""The simulation finds bugs: each of these is caught by schedules that pass without it."""

from __future__ import annotations

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.schedules import explore

pytestmark = pytest.mark.simulation

SEED = 1
SCHEDULES = 500


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_it_is_caught(bug):
    with pytest.raises(AssertionError):
        explore(SEED, SCHEDULES, bug, shrink=False)


def test_without_any_the_same_schedules_pass():
    explore(SEED, SCHEDULES, shrink=False)
