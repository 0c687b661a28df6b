"""Statuses are told apart by their colours alone, too, whatever colours somebody sees."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from provisioner.console import assets
from provisioner.console.filters import MARKS
from provisioner.runs.model import RunStatus
from provisioner.service.run_detail import STARTING
from provisioner.stacks.model import JobStatus
from tests.support.colours import VISIONS, contrast, difference, seen

SHEET = (assets.FOLDER / "console.css").read_text()
TEMPLATE = (assets.FOLDER.parent / "templates/base.html").read_text()
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(
        r"--(\w+): light-dark\((#[0-9a-f]{3,6}), (#[0-9a-f]{3,6})\)", SHEET
    )
}
LOOKS = ("light", "dark")


def whole(colour):
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


def test_published_differences():
    """The pairs 1, 7 and 16 of Sharma, Wu and Dalal 2005."""
    assert difference((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert difference((50, 0, 0), (50, -1, 2)) == pytest.approx(2.3669, abs=1e-4)
    assert difference((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("look", LOOKS)
def test_marks_differ(look, vision):
    marks = {mark: seen(COLOURS[mark][look], vision) for mark in set(MARKS.values())}

    near = {
        (one, other): difference(marks[one], marks[other]) for one, other in combinations(marks, 2)
    }
    assert min(near.values()) >= 10, min(near, key=near.get)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("mark", sorted(set(MARKS.values())))
def test_marks_stand_out_from_every_ground(mark, look):
    for ground in ("bg", "raised", "sunk"):
        assert contrast(COLOURS[mark][look], whole(COLOURS[ground][look])) >= 2.75


def test_every_status_has_a_mark_and_every_mark_a_shape():
    assert set(MARKS) == {*JobStatus, *RunStatus, STARTING}
    shapes = dict(re.findall(r'<symbol id="mark-(\w+)"[^>]*>(.*?)</symbol>', TEMPLATE))
    assert set(shapes) == set(MARKS.values())
    assert len(set(shapes.values())) == len(shapes)
