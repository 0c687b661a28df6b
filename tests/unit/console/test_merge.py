"""Two people have changed one row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.console.merge import Conflict, merge

BASE = {"memory_mb": 128, "environment": {"A": "1", "B": "2"}, "description": "old"}

CASES = {
    "nobody changed anything": ({}, {}, {}, ()),
    "mine alone": ({"memory_mb": 256}, {}, {"memory_mb": 256}, ()),
    "theirs alone": ({}, {"memory_mb": 512}, {"memory_mb": 512}, ()),
    "the same": ({"memory_mb": 256}, {"memory_mb": 256}, {"memory_mb": 256}, ()),
    "different attributes": (
        {"memory_mb": 256}, {"description": "new"}, {"memory_mb": 256, "description": "new"}, (),
    ),
    "different keys of a map": (
        {"environment": {"A": "9", "B": "2"}}, {"environment": {"A": "1", "C": "3"}},
        {"environment": {"A": "9", "C": "3"}}, (),
    ),
    "the same key of a map": (
        {"environment": {"A": "9", "B": "2"}}, {"environment": {"A": "8", "B": "2"}},
        {"environment": {"A": "9", "B": "2"}}, (Conflict(("environment", "A"), "1", "9", "8"),),
    ),
    "the same attribute": (
        {"memory_mb": 256}, {"memory_mb": 512}, {"memory_mb": 256},
        (Conflict(("memory_mb",), 128, 256, 512),),
    ),
    "removed and changed": (
        {"description": None}, {"description": "new"}, {"description": None},
        (Conflict(("description",), "old", None, "new"),),
    ),
    "changed and removed": (
        {"description": "new"}, {"description": None}, {"description": "new"},
        (Conflict(("description",), "old", "new", None),),
    ),
    "one became true": ({"memory_mb": 1}, {"memory_mb": True}, {"memory_mb": 1},
        (Conflict(("memory_mb",), 128, 1, True),)),
}  # fmt: skip


def changed(change):
    return {name: value for name, value in {**BASE, **change}.items() if value is not None}


@pytest.mark.parametrize(("mine", "theirs", "merged", "conflicts"), CASES.values(), ids=CASES)
def test_merge(mine, theirs, merged, conflicts):
    found = merge(BASE, changed(mine), changed(theirs))

    assert found.row == changed(merged)
    assert found.conflicts == conflicts


ROW = st.dictionaries(
    st.sampled_from("abc"),
    st.integers(0, 2) | st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)),
)


@given(ROW, ROW, ROW)
def test_nothing_of_either_is_lost(base, mine, theirs):
    assert merge(base, mine, base).row == mine
    assert merge(base, base, theirs).row == theirs
    assert not merge(base, mine, base).conflicts
    one, other = merge(base, mine, theirs), merge(base, theirs, mine)
    assert [each.path for each in one.conflicts] == [
        each.path for each in other.conflicts
    ] or one.conflicts
    if not one.conflicts:
        assert one.row == other.row
