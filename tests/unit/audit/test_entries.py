"""Entries of the audit: as their table has them, as people and programs read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from provisioner.audit.entries import (
    Entry,
    Outcome,
    ShownChange,
    document,
    from_item,
    line,
    repeats,
    subject_of,
    to_item,
)

ID = "2026-11-26T09:42:17.000Z#1f0c2b7e"
PLAIN = Entry(ID, "start_run", "ada", "cli", proven=False)
WHOLE = Entry(
    ID,
    "put_row",
    "ada@example.org",
    "console",
    proven=True,
    address="203.0.113.7",
    request_id="r-1",
    job_name="report",
    run="manual-1",
    outcome=Outcome.DONE,
    reason="because",
    detail="repeats one",
    ended_at="2026-11-26T09:42:18.000Z",
    changes=(ShownChange("memory_mb", "changed", "128", "256"), ShownChange("tags", "added")),
    more_changes=3,
    digests=("a", "b"),
)
ITEMS = {
    "plain": (
        PLAIN,
        {
            "subject": "says##bootstrap",
            "entry_id": ID,
            "action": "start_run",
            "caller": "ada",
            "via": "cli",
            "outcome": "begun",
        },
    ),
    "whole": (
        WHOLE,
        {
            "subject": "report",
            "entry_id": ID,
            "action": "put_row",
            "caller": "ada@example.org",
            "via": "console",
            "outcome": "done",
            "address": "203.0.113.7",
            "request_id": "r-1",
            "run": "manual-1",
            "reason": "because",
            "detail": "repeats one",
            "ended_at": "2026-11-26T09:42:18.000Z",
            "changes": [
                {"path": "memory_mb", "kind": "changed", "before": "128", "after": "256"},
                {"path": "tags", "kind": "added", "before": "", "after": ""},
            ],
            "more_changes": 3,
            "digest_before": "a",
            "digest_after": "b",
        },
    ),
}


@pytest.mark.parametrize(("entry", "item"), ITEMS.values(), ids=ITEMS)
def test_an_entry_is_the_same_after_its_table(entry, item):
    assert to_item(entry) == item
    assert from_item(item) == entry
    assert from_item({**item, "more_changes": Decimal(entry.more_changes)}) == entry


def test_an_entry_as_programs_read_it():
    assert document(WHOLE) == {
        "id": ID,
        "at": "2026-11-26T09:42:17.000Z",
        "ended_at": "2026-11-26T09:42:18.000Z",
        "action": "put_row",
        "job_name": "report",
        "run": "manual-1",
        "outcome": "done",
        "reason": "because",
        "detail": "repeats one",
        "by": "ada@example.org",
        "proven": True,
        "via": "console",
        "address": "203.0.113.7",
        "request_id": "r-1",
        "changes": ITEMS["whole"][1]["changes"],
        "more_changes": 3,
    }
    assert document(PLAIN)["changes"] == []
    assert "digest" not in repr(WHOLE)


def test_an_entry_that_somebody_has_written_with_nothing_in_it():
    assert from_item({}) == Entry("", "-", "-", "-", proven=True, job_name="")


ODD = {
    "a number for a text": ({"action": 5, "caller": None, "via": []}, {}),
    "no outcome that there is": ({"outcome": "perfect"}, {}),
    "fewer than none": ({"more_changes": Decimal(-1)}, {}),
    "a count that is none": ({"more_changes": "many"}, {}),
    "one digest": ({"digest_before": "a"}, {}),
    "another digest": ({"digest_after": "b"}, {}),
    "changes that are none": ({"changes": "all"}, {}),
    "a change that is none": ({"changes": ["all"]}, {}),
    "a change with odd parts": (
        {"changes": [{"path": 5, "after": "x"}]},
        {"changes": (ShownChange("", "", "", "x"),)},
    ),
}


@pytest.mark.parametrize(("odd", "read"), ODD.values(), ids=ODD)
def test_what_is_odd_in_an_entry_is_left_out(odd, read):
    found = from_item({"subject": "report", "entry_id": ID} | odd)

    expected = {"changes": ()} | read
    assert found == Entry(ID, "-", "-", "-", proven=True, job_name="report", **expected)


@pytest.mark.parametrize(
    ("job_name", "proven", "subject"),
    [
        ("report", True, "report"),
        ("report", False, "says#report"),
        (None, True, "#bootstrap"),
        (None, False, "says##bootstrap"),
    ],
)
def test_the_key_tells_what_is_proven(job_name, proven, subject):
    assert subject_of(job_name, proven=proven) == subject


LINES = [
    ("one\n two\tthree", 50, "one two three"),
    ("\x1b[2J", 50, "\\x1b[2J"),
    ("abcde", 5, "abcde"),
    ("abcdef", 5, "abcd…"),
    (f"a{' ' * 100}b", 5, "a"),
]


@pytest.mark.parametrize(("text", "limit", "shown"), LINES, ids=[repr(each[0]) for each in LINES])
def test_a_line_is_one_line_and_is_cut(text, limit, shown):
    assert line(text, limit) == shown


def test_what_repeats_a_run():
    assert repeats("manual-1") == "repeats manual-1"
