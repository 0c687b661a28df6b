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


def test_what_is_no_longer_fresh_is_dropped_and_what_was_read_since_stays():
    clock = FakeClock()
    recall = Recall(clock)
    recall.get("old", lambda: "old")

    def read():
        clock.advance(timedelta(seconds=1))
        return recall.get("inner", lambda: "inner")

    clock.advance(timedelta(seconds=5))
    recall.get("outer", read)

    assert recall.get("inner", lambda: "again") == "inner"
    assert recall.get("old", lambda: "again") == "again"


def test_what_took_long_to_read_is_kept_for_longer():
    clock, found = FakeClock(), iter(range(9))
    recall = Recall(clock)

    def read():
        clock.advance(timedelta(seconds=3))
        return next(found)

    recall.get("one", read)
    clock.advance(timedelta(seconds=11))
    assert recall.get("one", read) == 0
    clock.advance(timedelta(seconds=1))
    assert recall.get("one", read) == 1
