from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.plain_text import cleaned

SHOWN = {
    "an escape sequence": ("\x1b[2J", r"\x1b[2J"),
    "an OSC that writes the clipboard": ("\x1b]52;c;ZXZpbA==\x07", r"\x1b]52;c;ZXZpbA==\x07"),
    "a CSI of one byte": ("\x9b31m", r"\x9b31m"),
    "a carriage return": ("good\rbad", r"good\rbad"),
    "backspace and delete": ("a\x08\x7f", r"a\x08\x7f"),
    "a bidirectional override": ("\u202egpj.exe", r"\u202egpj.exe"),
    "an isolate": ("\u2066a\u2069", r"\u2066a\u2069"),
    "marks of direction": ("\u200e\u200f\u061c", r"\u200e\u200f\u061c"),
    "separators": ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),
    "a byte order mark": ("\ufeff", r"\ufeff"),
    "a lone surrogate": ("\ud800", r"\ud800"),
    "a tag": ("\U000e0041", r"\U000e0041"),
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.values(), ids=SHOWN)
def test_what_is_not_for_eyes_is_an_escape(text, shown):
    assert cleaned(text) == shown


@pytest.mark.parametrize("text", ["", "a\tb\nc", "Größe 😀 👩‍💻 日本語 مرحبا \\x1b"])
def test_other_text_stays(text):
    assert cleaned(text) == text


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = cleaned(text)

    assert cleaned(shown) == shown
    assert not [
        c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in "\t\n"
    ]
    assert not [c for c in shown if unicodedata.bidirectional(c) in _DIRECTING]


_DIRECTING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
