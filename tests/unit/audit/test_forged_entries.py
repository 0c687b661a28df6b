"""What a person with rights to write rows and claims can make others believe, and what not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from provisioner.audit.entries import (
    MAX_CHANGES,
    Entry,
    Outcome,
    document,
    from_item,
    new_id,
    shown_changes,
    to_item,
)
from provisioner.audit.row_changes import row_changes
from provisioner.audit.versions import Version, writers
from provisioner.runs.model import iso

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def entry(by, *, proven, digests, minutes=0, outcome=Outcome.DONE):
    at = NOW + timedelta(minutes=minutes)
    return Entry(
        new_id(at, by),
        "update_row",
        by=by,
        via="api" if proven else "cli",
        proven=proven,
        job_name="report",
        outcome=outcome,
        digests=digests,
    )


def version(number, *digests, minutes=0):
    at = iso(NOW + timedelta(minutes=minutes, seconds=1))
    return Version(number, str(100 + number), at, digests)


def names(versions, entries):
    return {number: found.writer for number, found in writers(versions, entries).items()}


class TestWriters:
    def test_a_claim_does_not_take_the_place_of_a_proof(self):
        proof = entry("ada", proven=True, digests=("a", "b"))
        claim = entry("eve", proven=False, digests=("a", "b"), minutes=-1)

        assert names([version(1, "a", "b")], [claim, proof]) == {1: "ada"}

    def test_a_claim_that_says_it_is_proven_is_a_claim(self):
        forged = to_item(entry("ada", proven=True, digests=("a", "b")))
        forged |= {"subject": "says#report", "proven": True, "via": "api"}

        assert names([version(1, "a", "b")], [from_item(forged)]) == {1: "says ada"}

    def test_one_entry_stands_for_one_version(self):
        """Eve writes Ada's change again by herself, a moment after Ada."""
        proof = entry("ada", proven=True, digests=("a", "b"))
        versions = [version(1, "a", "b"), version(2, "b", "a"), version(3, "a", "b")]

        assert names(versions, [proof]) == {1: "ada"}

    @pytest.mark.parametrize(
        "other",
        [
            {"digests": ("a", "c")},
            {"digests": ("", "b")},
            {"digests": None},
            {"digests": ("a", "b"), "minutes": -6},
            {"digests": ("a", "b"), "minutes": 1},
            {"digests": ("a", "b"), "outcome": Outcome.REFUSED},
            {"digests": ("a", "b"), "outcome": Outcome.FAILED},
        ],
        ids=str,
    )
    def test_what_is_not_the_writing_of_a_version(self, other):
        assert names([version(1, "a", "b")], [entry("ada", proven=True, **other)]) == {}

    def test_an_action_that_was_cut_off_may_have_written(self):
        begun = entry("ada", proven=True, digests=("a", "b"), outcome=Outcome.BEGUN)

        assert names([version(1, "a", "b")], [begun]) == {1: "ada"}


class TestItems:
    def test_an_entry_goes_there_and_back(self):
        changes = shown_changes(row_changes({"memory_mb": 1}, {"memory_mb": 2}, values=False))[0]
        one = Entry(**{**vars_of(entry("ada", proven=True, digests=("a", ""))), "changes": changes})

        assert from_item(to_item(one)) == one

    @pytest.mark.parametrize(
        "value",
        [None, 5, Decimal("NaN"), b"x", [], {}, [[]], ["x"], [{"path": 5}], {"x"}, "\x1b[2J\u202e"],
        ids=repr,
    )
    def test_an_item_of_any_shape_is_an_entry(self, value):
        names = ("action", "caller", "via", "run", "outcome", "reason", "detail", "changes")
        item = dict.fromkeys((*names, "more_changes", "digest_before", "digest_after"), value)

        found = from_item({"subject": "says#report", "entry_id": f"2026{value}", **item})

        assert not found.proven
        assert "\x1b" not in str(document(found))

    def test_an_enormous_change_is_an_entry_of_bounded_size(self):
        row = {f"attribute{n}" * 50: "x" * 1000 for n in range(400)}

        shown, more = shown_changes(row_changes(None, row, values=True))

        assert (len(shown), more) == (MAX_CHANGES, 350)
        assert len(str(shown)) < 40_000


def vars_of(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}
