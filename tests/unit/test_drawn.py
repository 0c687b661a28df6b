"""What a commit does not draw is left to the night, which leaves out nothing."""

from __future__ import annotations

from tests.support import drawn

NAMES = ("first", "second", "third", "fourth", "fifth")


class Item:
    def __init__(self, name):
        self.nodeid, self.markers = name, []

    def add_marker(self, name):
        self.markers.append(name)


def left_to_the_night():
    """Return the names of the tests that are marked."""
    items = [Item(name) for name in NAMES]
    drawn.leave_half_to_the_night(items)
    assert {each for item in items for each in item.markers} <= {"night"}
    return {item.nodeid for item in items if item.markers}


def test_half_is_left_to_the_night(monkeypatch):
    monkeypatch.delenv(drawn.WHOLE, raising=False)

    assert left_to_the_night() == {*NAMES} - {*drawn.one_of(2, sorted(NAMES))}
    assert len(left_to_the_night()) in {2, 3}


def test_the_night_leaves_nothing(monkeypatch):
    monkeypatch.setenv(drawn.WHOLE, "1")

    assert left_to_the_night() == set()
