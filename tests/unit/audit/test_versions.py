"""Which versions a record of the stream adds, in which order they are, and who wrote them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.audit.entries import Entry, Outcome, new_id
from provisioner.audit.versions import KEPT, Version, Written, in_order, new_versions, writers
from provisioner.jobs.row_content import content_digest
from provisioner.runs.model import iso

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ROWS = [{"job_name": "report", "memory_mb": 128 * n} for n in range(5)]


def written(sequence, before, after):
    return Written("report", str(sequence), NOW, before, after)


def known(*records):
    """Return the versions that records have led to, in the order in which they came."""
    versions: list[Version] = []
    for record in records:
        versions += [each for each, _ in new_versions(versions, record)]
    return versions


class TestNewVersions:
    def test_the_first_of_a_row_that_was_there_brings_the_one_before(self):
        (baseline, before), (first, after) = new_versions([], written(7, ROWS[0], ROWS[1]))

        digests = [content_digest(row) for row in ROWS]
        assert baseline == Version(1, "0", None, ("", digests[0]))
        assert first == Version(2, "7", iso(NOW), (digests[0], digests[1]), ("memory_mb",))
        assert (before, after) == (ROWS[0], ROWS[1])

    @pytest.mark.parametrize(
        ("sequence", "added"),
        [
            (8, [(3, "8")]),
            (7, []),
            (6, [(3, "0"), (4, "6")]),
        ],
        ids=["a later one", "the same again", "one that is older than all"],
    )
    def test_beside_others(self, sequence, added):
        others = known(written(7, ROWS[0], ROWS[1]))

        made = new_versions(others, written(sequence, ROWS[2], ROWS[3]))

        assert [(each.number, each.sequence) for each, _ in made] == added

    def test_one_older_than_all_that_are_kept_adds_nothing(self):
        others = [Version(n, str(100 + n), iso(NOW), ("", "")) for n in range(1, KEPT + 1)]

        assert new_versions(others, written(99, ROWS[0], ROWS[1])) == []
        assert len(new_versions(others[1:], written(99, ROWS[0], ROWS[1]))) == 2

    def test_names_twenty_changes_and_counts_the_others(self):
        [version] = known(written(7, None, {f"a{n:02}": n for n in range(25)}))

        assert version.changed == tuple(f"a{n:02}" for n in range(20))
        assert version.more_changed == 5


class TestInOrder:
    def test_newest_first_whenever_each_was_recorded(self):
        found = known(written(8, None, ROWS[1]), written(7, None, ROWS[0]))

        assert [each.sequence for each in in_order(found)] == ["8", "7"]

    def test_a_row_that_was_there_is_one_only_before_the_oldest(self):
        found = known(written(8, ROWS[1], ROWS[2]), written(7, ROWS[0], ROWS[1]))

        assert [(each.number, each.sequence) for each in found] == [
            (1, "0"),
            (2, "8"),
            (3, "0"),
            (4, "7"),
        ]
        assert [each.number for each in in_order(found)] == [2, 4, 3]

    def test_a_row_that_was_there_is_one_even_if_it_came_back(self):
        found = known(written(9, ROWS[0], ROWS[2]), written(7, ROWS[0], ROWS[1]))

        assert [each.sequence for each in in_order(found)] == ["9", "7", "0"]

    def test_a_row_that_was_there_is_kept_while_nothing_follows_it(self):
        baseline = Version(1, "0", None, ("", "a"))

        assert in_order([baseline]) == [baseline]


class TestWriters:
    ENTRY = Entry(
        new_id(NOW, "ada"),
        "update_row",
        by="ada",
        via="api",
        proven=True,
        job_name="report",
        outcome=Outcome.DONE,
        digests=("a", "b"),
    )

    @pytest.mark.parametrize(
        ("seconds", "found"),
        [(-6, False), (-5, True), (0, True), (300, True), (301, False)],
    )
    def test_a_version_may_be_a_little_older_than_its_entry_or_five_minutes_younger(
        self, seconds, found
    ):
        at = iso(NOW + timedelta(seconds=seconds))
        version = Version(1, "7", at, ("a", "b"))

        assert writers([version], [self.ENTRY]) == ({1: self.ENTRY} if found else {})

    def test_without_a_time_nobody_is_known(self):
        version = Version(1, "7", iso(NOW), ("a", "b"))

        assert writers([replace(version, at=None)], [self.ENTRY]) == {}
        assert writers([version], [replace(self.ENTRY, entry_id="damaged")]) == {}
