"""A text as the words that a POSIX shell would make of it (Shell Command Language, 2.2 and 2.3).

Quotes and backslashes mean what they mean to `sh`. No shell runs the words, so nothing else has a
meaning: ``$``, backquotes, ``*``, ``~``, ``#``, ``|``, ``;`` and their like stand for themselves.
`shlex` is nearly this, but keeps a backslash before ``$`` or a backquote in double quotes, and the
line break of a continued line.
"""

from __future__ import annotations

import re

# Each alternative begins with another character than the others, so the time is linear.
_PART = re.compile(
    r"(?P<gap>[ \t\r\n]+)"
    r"|\\(?P<escaped>[\s\S])"
    r"|'(?P<single>[^']*)'"
    r'|"(?P<double>(?:[^"\\]|\\[\s\S])*)"'
    r"|(?P<plain>[^ \t\r\n\\'\"]+)"
)
_ESCAPED_IN_DOUBLE = re.compile(r'\\(?:\n|([$`"\\]))')


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a text.

    Raises
    ------
    ValueError
        If a quotation is not closed, or nothing follows the last backslash.
    """
    words: list[str] = []
    word: list[str] | None = None
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise ValueError("no escaped character" if text[at] == "\\" else "no closing quotation")
        at = part.end()
        match part.lastgroup:
            case "gap":
                if word is not None:
                    words.append("".join(word))
                word = None
            case "escaped" if part["escaped"] == "\n":  # a continued line, not even a gap
                pass
            case kind:
                word = [] if word is None else word
                word.append(_meant(str(kind), part))
    return tuple(words) if word is None else (*words, "".join(word))


def _meant(kind: str, part: re.Match[str]) -> str:
    if kind == "double":
        return _ESCAPED_IN_DOUBLE.sub(lambda escaped: escaped[1] or "", part["double"])
    return part[kind]
