"""Regular expressions of a row's author, compiled and matched in bounded time.

pydantic brings Rust's engine, which takes linear time: for each character of the text at most one
step for each place of the pattern. How many places those are, and how long it takes to compile
them, grows with counted repetitions, so both are reckoned before the engine sees the pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema
from pydantic_core import ValidationError as Mismatch

MAX_PATTERNS = 20
"""Ours, of one schema."""

MAX_CHARACTERS = 200
"""Ours: the time that a pattern takes grows with its length."""

MAX_WORK = 20_000
"""Ours, to compile all patterns of a schema: two tenths of a second, a unit being 10 microseconds.
Three fields of ``[\\w.-]{1,128}`` are within it."""

PLACES_OF_A_STEP = 128
"""Places of a pattern that are worth a step for each character: below a microsecond's work."""

_TOKEN = re.compile(
    r"(?P<unicode>\\[wW]|\\[pP](?:\{[^}]*\}|.))|(?P<digits>\\[dD])|(?P<escape>\\.)"
    r"|\{\s*(?P<least>\d{1,9})\s*(?:,\s*(?P<most>\d{0,9})\s*)?(?P<times>\})|(?P<endless>[*+?])"
    r"|(?P<open>\()|(?P<close>\))|(?P<set>\[\^?\]?)|(?P<end>\])|(?P<any>\.)|(?P<other>.)",
    re.DOTALL | re.ASCII,
)
_WORK = {"unicode": 45, "digits": 3, "any": 2}
"""Units of work for what stands for many characters; any other takes one."""

_WITH_COMMENTS = re.compile(r"\(\?[A-Za-z]*x")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a pattern is: what it takes to compile, and the places a match can be at."""

    work: int = 0
    places: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.work + other.work, self.places + other.places)

    def times(self, count: int) -> Size:
        """Return the size of a repetition."""
        return Size(self.work * count, self.places * count)


@lru_cache(maxsize=MAX_PATTERNS)
def size(pattern: str) -> Size:
    """Return how large a pattern is, counted repetitions written out."""
    groups = [Size()]
    last = Size()
    sets = 0
    for token in _TOKEN.finditer(pattern):
        kind = str(token.lastgroup)
        more = Size()
        if sets:
            more = Size(_WORK.get(kind, 0))
            last += more
            sets += (kind == "set") - (kind == "end")
        elif kind == "times":
            more = last.times(max(0, int(token["least"]), int(token["most"] or 0)) - 1)
            last += more
        elif kind == "open":
            groups.append(Size())
        elif kind == "close" and len(groups) > 1:
            more = last = groups.pop()
        elif kind != "endless":
            more = last = Size(_WORK.get(kind, 1), 1)
            sets = kind == "set"
        groups[-1] += more
    return sum(groups, Size())


def problem(pattern: str) -> str:
    """Return what is wrong with a regular expression, "" when nothing is."""
    if _WITH_COMMENTS.search(pattern):
        return "has the flag x; write it without blanks and comments"
    try:
        _matcher(pattern)
    except SchemaError:
        return (
            "is not a regular expression that takes linear time; these have no look-around and no "
            "back-references"
        )
    return ""


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern that has no problem is found in a text."""
    try:
        _matcher(pattern).validate_python(text)
    except Mismatch:
        return False
    return True


@lru_cache(maxsize=MAX_PATTERNS)
def _matcher(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
