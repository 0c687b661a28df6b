"""What is read once for all who ask in the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioner.service.recall import Recall
from tests.support.fakes import FakeClock


@pytest.mark.parametrize(
    ("later", "read"),
    [(timedelta(), 1), (timedelta(seconds=1.9), 1), (timedelta(seconds=2), 2), (-timedelta(1), 2)],
    ids=["at once", "a moment later", "later", "when the clock was set back"],
)
def test_what_was_read_a_moment_ago_is_not_read_again(later, read):
    clock, found = FakeClock(), iter(range(9))
    recall = Recall(clock)
    recall.get("one", lambda: next(found))

    clock.advance(later)

    assert recall.get("one", lambda: next(found)) == read - 1
    assert recall.get("other", lambda: "other") == "other"
