"""What a commit does not draw is left to the night, which leaves out nothing."""

from __future__ import annotations

from tests.support import drawn

PARTS = ("first", "second", "third", "fourth", "fifth")


class Item:
    def __init__(self, part):
        self.part, self.markers = part, []

    def add_marker(self, name):
        self.markers.append(name)


def left_to_the_night():
    """Return the parts whose tests are marked, of two tests of each, and one of another."""
    items = [Item(part) for part in (*PARTS, *PARTS, "other")]
    drawn.leave_half_to_the_night(items, lambda item: item.part, PARTS)
    return [item.part for item in items if item.markers == ["night"]]


def test_half_is_left_to_the_night(monkeypatch):
    monkeypatch.delenv(drawn.WHOLE, raising=False)
    left = left_to_the_night()

    assert left in (["second", "fourth"] * 2, ["first", "third", "fifth"] * 2)
    assert not {*left} & {*drawn.one_of(2, PARTS)}


def test_the_night_leaves_nothing(monkeypatch):
    monkeypatch.setenv(drawn.WHOLE, "1")

    assert left_to_the_night() == []
