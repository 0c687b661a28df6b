"""Failures that differ only in what a run names are one group."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.runs.error_groups import MAX_GROUP_CHARACTERS, error_group, normalized

MESSAGES = {
    "nothing that varies": ("Task timed out", "Task timed out"),
    "a number": ("Task timed out after 3.02 seconds", "Task timed out after * seconds"),
    "a negative number": ("balance is -5", "balance is *"),
    "a percentage": ("disk is 97.5% full", "disk is * full"),
    "a thousand": ("read 1,048,576 bytes", "read * bytes"),
    "a number with its unit": ("took 15ms", "took *"),
    "a UUID": ("no order 3c0a9d9e-6f43-8a55-b1ec-0d9a5a1f2f6b", "no order *"),
    "hexadecimal": ("commit deadbeefcafe at 0x7f3a", "commit * at *"),
    "a hash of digits alone": ("commit 123456789012", "commit *"),
    "an id": ("instance i-0abc12 is gone", "instance i-* is gone"),
    "a time": ("late since 2026-11-25T09:00:00.123Z!", "late since *!"),
    "a time with an offset": ("late since 2026-11-25 09:00:00+01:00", "late since *"),
    "quoted text": ("no column \"price\" in 'a b' or `c`", "no column * in * or *"),
    "an apostrophe": ("can't open it, don't ask", "can't open it, don't ask"),
    "a quote with an apostrophe": ("KeyError: 'the job's name'", "KeyError: *"),
    "a quote that does not end": ("it said 'no", "it said 'no"),
    "a path": ("cannot read /var/tmp/x.csv: it is gone", "cannot read *: it is gone"),
    "a relative path": ("cannot read ../x/y.csv", "cannot read *"),
    "a path of Windows": (r"cannot read C:\Temp\x.csv", "cannot read *"),
    "a choice": ("read and/or write", "read and/or write"),
    "an address": ("GET https://example.com/a?b=c failed", "GET * failed"),
    "an object": ("s3://bucket/key is missing", "* is missing"),
    "an ARN": ("arn:aws:sns:eu-west-1:111122223333:x is denied", "* is denied"),
    "a list": ("rows [1, 2, 3] are bad", "rows [*] are bad"),
    "a longer list": ("rows [4, 5, 6, 7, 8] are bad", "rows [*] are bad"),
    "several lines": ("first\n\tsecond", "first second"),
    "words that are not ASCII": ("über 5 Ärger", "über * Ärger"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("message", "group"), MESSAGES.values(), ids=MESSAGES)
def test_what_varies_is_left_out(message, group):
    assert normalized(message) == group


@pytest.mark.parametrize("group", dict.fromkeys(group for _, group in MESSAGES.values()))
def test_a_group_is_its_own_group(group):
    assert normalized(group) == group


ROWS = {
    "failed": ({"status": "FAILED", "error": "ValueError", "cause": "row 7"}, "ValueError: row *"),
    "timed out": ({"status": "TIMED_OUT", "error": "States.Timeout"}, "States.Timeout"),
    "without an error": ({"status": "FAILED", "cause": "exit 1"}, "exit *"),
    "without either": ({"status": "FAILED"}, None),
    "blank": ({"status": "FAILED", "error": " "}, None),
    "of another type": ({"status": "FAILED", "error": 5, "cause": {"a": 1}}, None),
    "succeeded": ({"status": "SUCCEEDED"}, None),
    "stopped by a person": ({"status": "STOPPED", "error": "Stopped", "cause": "why"}, None),
    "skipped": ({"status": "SKIPPED", "error": "Overlap"}, None),
    "running": ({"status": "RUNNING"}, None),
}


@pytest.mark.parametrize(("row", "group"), ROWS.values(), ids=ROWS)
def test_only_failures_have_a_group(row, group):
    assert error_group(row) == group


NAMES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)
VARIES = {
    "number": st.integers(-(10**12), 10**12).map(str)
    | st.floats(-1e6, 1e6).map(lambda x: f"{x:.3f}"),
    "hexadecimal": st.text("0123456789abcdef", min_size=8, max_size=64),
    "uuid": st.uuids().map(str),
    "time": st.datetimes().map(lambda time: time.isoformat() + "Z"),
    "quoted": st.text("abc 123/:.-", max_size=20).map(lambda text: f"'{text}'")
    | st.text("abc 123/:.-'", max_size=20).map(lambda text: f'"{text}"'),
    "path": st.lists(NAMES, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts)),
    "address": st.lists(NAMES, min_size=1, max_size=5).map(lambda p: "https://" + "/".join(p)),
}
WORDS = st.lists(NAMES.filter(lambda word: len(word) < 8), min_size=1, max_size=4).map(" ".join)


@given(st.data())
def test_the_same_template_is_the_same_group(data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(VARIES)), max_size=5))
    words = data.draw(st.lists(WORDS, min_size=len(kinds) + 1, max_size=len(kinds) + 1))

    def message():
        varied = [f" {data.draw(VARIES[kind])} " for kind in kinds]
        return words[0] + "".join(
            f"{one}{word}" for one, word in zip(varied, words[1:], strict=True)
        )

    assert normalized(message()) == normalized(message())


@given(st.text(max_size=6000))
def test_a_group_is_short_and_in_one_line(message):
    group = normalized(message)

    assert len(group) <= MAX_GROUP_CHARACTERS
    assert group == " ".join(group.split())


@pytest.mark.parametrize("part", ["'", "'a", "a'", '"', "/", "a/", "1", "1.", "a-", "a1", "é", ":"])
def test_no_message_takes_long(part):
    began = time.process_time()
    normalized(part * 10_000)
    assert time.process_time() - began < 0.5
