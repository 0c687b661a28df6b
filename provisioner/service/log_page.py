"""A page of a log, and the cursors of those before and after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.errors import InvalidCursorError

if TYPE_CHECKING:
    from provisioner.aws.logs import LogEvent

_CURSOR = re.compile(r"(?P<kind>[sbon])(?P<rest>.*)", re.DOTALL)
_TIME = re.compile(r"(\d{1,15})\.(\d{1,9})")


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines of one run, oldest first.

    Attributes
    ----------
    older
        Asks for the lines before these; None when these are the first.
    newer
        Asks for the lines after these; None when the run has ended and these are the last.
    note
        Why there are no lines although there may be some; None otherwise.
    """

    events: tuple[LogEvent, ...]
    older: str | None
    newer: str | None
    note: str | None = None


def read_cursor(cursor: str | None) -> tuple[str, str]:
    """Return what kind of cursor it is, "" without one, and where it points to.

    Kinds are `s` and `b`, tokens of one stream, on and back, and `n` and `o`, times of the group,
    on and back.

    Raises
    ------
    InvalidCursorError
        If no page has such a cursor.
    """
    if not cursor:
        return "", ""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidCursorError
    return found["kind"], found["rest"]


def position(text: str) -> tuple[int, int]:
    """Return the time of a cursor, epoch milliseconds, and how many lines of it were shown.

    Raises
    ------
    InvalidCursorError
        If no page has such a cursor.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise InvalidCursorError
    return int(found[1]), int(found[2])
