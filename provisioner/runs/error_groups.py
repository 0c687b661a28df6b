"""Which failures are the same: an error and its cause without what differs between two runs. Pure.

The result is a text that people read, and one key for all runs that failed alike. What a run may
name is replaced by `*`: numbers, times, ids, hexadecimal text, quoted text, paths and addresses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.runs.keys import Field
from provisioner.runs.model import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_GROUP_CHARACTERS = 200
"""So that an entry of the index stays below the kilobyte for which DynamoDB bills a write."""

_READ_CHARACTERS = 2_000
"""Of a cause; more of it would not be in the group."""

_VARIABLE = re.compile(
    r"""
      "[^"]*" | `[^`]*` | (?<!\w)'(?:[^']|'(?=\w)){0,300}'(?!\w)     # quoted text
    | \b[A-Za-z][A-Za-z0-9+.-]{1,20}:// [^\s"'`<>]+                  # an address
    | \barn:[^\s"'`<>,;)]+
    | \b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b      # a UUID
    | (?<![\w/*]) (?:~|\.{1,2}|[A-Za-z]:)? (?:[/\\][\w.@%+=~-]+)+ [/\\]?   # a path
    | \b[0-9A-Fa-f]{8,}\b
    | (?<!\w)[+-](?=\d)                                            # a sign
    | \b[^\W\d]*\d\w* (?:[.,:+-][^\W\d]*\d\w*)* %?                # a number, time or id
    """,
    re.VERBOSE,
)
_REPEATED = re.compile(r"\*(?:[\s,;]*\*)+")


def error_group(row: Mapping[str, object]) -> str | None:
    """Return what a run that failed has in common with others; None when it did not fail."""
    error, cause = (row.get(name) for name in (Field.ERROR, Field.CAUSE))
    if row.get(Field.STATUS) not in {RunStatus.FAILED, RunStatus.TIMED_OUT}:
        return None
    said = [text for text in (error, cause) if isinstance(text, str) and text.strip()]
    return normalized(": ".join(said)) if said else None


def normalized(message: str) -> str:
    """Return a message without what differs between two runs, in one line of a bounded length."""
    line = " ".join(message[:_READ_CHARACTERS].split())
    return _REPEATED.sub("*", _VARIABLE.sub("*", line))[:MAX_GROUP_CHARACTERS].strip()
