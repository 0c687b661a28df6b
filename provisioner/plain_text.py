"""Text for people: safe to show on a terminal or in a chat, and with plurals. Pure."""

from __future__ import annotations

import re

# Controls (C0 but tab and newline, DEL, C1), bidirectional marks, embeddings, overrides and
# isolates, line and paragraph separators, the byte order mark, interlinear annotations, lone
# surrogates and tags: a terminal obeys them, or a reader sees another text than there is.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def cleaned(text: str) -> str:
    r"""Return text in which every character that is not for eyes is an escape, like ``\x1b``.

    Newlines and tabs stay. Cleaning twice changes nothing more.
    """
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def counted(count: int, noun: str) -> str:
    """Return a number of things, as `1 run`, `2 runs`, `1,000 runs`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def printable(name: object) -> str:
    """Return an attribute's or a key's name as an error may show it."""
    text = str(name)[:60]
    return text if text.isprintable() else ascii(text)[1:-1]
