"""On which line of JSON text each value stands. Pure."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from provisioner.service.problems import pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)')


def lines_of(text: str) -> dict[str, int]:
    """Return the line of each member and item of valid JSON, by its pointer; lines begin at 1.

    A member stands where its name does.
    """
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    found = {"": 1}
    for at, offset in _places(text):
        found.setdefault(pointer(at), bisect_right(starts, offset))
    return found


def line_at(lines: dict[str, int], wanted: str) -> int:
    """Return the line of a value, or of what it would be in if it is not there."""
    while wanted not in lines:
        wanted = wanted.rpartition("/")[0]
    return lines[wanted]


def _places(text: str) -> Iterator[tuple[tuple[str | int, ...], int]]:
    path: list[str | int] = []
    before = ""
    for token in _TOKEN.finditer(text):
        word, offset = token[1], token.start(1)
        after_name = before == ":"
        if word in "]}":
            path.pop()
        elif word == "," and path:
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else last
        elif path and isinstance(path[-1], str) and not after_name and word[0] == '"':
            path[-1] = json.loads(word, strict=False)
            yield tuple(path), offset
        elif path and isinstance(path[-1], int) and word not in ",:":
            yield tuple(path), offset
        if word == "{":
            path.append("")
        elif word == "[":
            path.append(0)
        before = word
