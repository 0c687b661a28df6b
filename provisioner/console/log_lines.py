"""Lines of a log as a page shows them: with an address each, and marked by what they say. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.console.http import Response
from provisioner.errors import InvalidRequestError
from provisioner.plain_text import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.aws.logs import LogEvent

CHUNK = 200
"""Lines that the browser lays out together, when they come into view."""

_MOST_BYTES = 4_000_000
"""Of a file: an answer of a function may have 6 MB, and is a third longer as base64."""

_ERROR = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|Traceback|[A-Z]\w*(?:Error|Exception))\b|Task timed out"
)
_WARNING = re.compile(r"\bWARN(?:ING)?\b")
_PLATFORM = re.compile(r"(?:START|END|REPORT|INIT_START|XRAY) ")


_LINE = re.compile(r"L?(\d{1,15})(?:\.\d{1,9})?")
_PARTS = ("older", "newer", "later")


def part(query: Mapping[str, str]) -> str:
    """Return which part of the page htmx asks for: `later` lines are those somebody clicks for."""
    asked = query.get("part", "")
    return asked if asked in _PARTS else "whole"


def time_of_line(query: Mapping[str, str]) -> int | None:
    """Return the time of the line that an address is of, epoch milliseconds; None without one.

    Raises
    ------
    InvalidRequestError
        If no line has such an address.
    """
    line = query.get("line", "").strip()
    if not line:
        return None
    found = _LINE.fullmatch(line)
    if found is None:
        message = f'line "{line}" is not the address of a line'
        raise InvalidRequestError(message)
    return int(found[1])


def is_followed(query: Mapping[str, str], events: Sequence[LogEvent], limit: int) -> bool:
    """Tell whether the lines after these come by themselves.

    They do at the end of the log. A page of the middle has as many lines as it may have; those
    after it wait until somebody asks for them.
    """
    match part(query):
        case "newer":
            return True
        case "whole" if "cursor" not in query:
            at_ms = time_of_line(query)
            if at_ms is None:
                return True
            return sum(each.timestamp_ms >= at_ms for each in events) < limit - limit // 2
    return len(events) < limit


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a log.

    Attributes
    ----------
    anchor
        Its address on the page, the same on every page that shows it: its time, and which of those
        of that millisecond it is.
    level
        "error", "warning", "platform" for what AWS prints, "" for anything else.
    """

    anchor: str
    time: str
    level: str
    text: str


def chunks(events: Sequence[LogEvent]) -> list[list[LogLine]]:
    """Return the lines, as many together as are laid out together."""
    lines = list(_lines(events))
    return [lines[begin : begin + CHUNK] for begin in range(0, len(lines), CHUNK)]


def _lines(events: Iterable[LogEvent]) -> Iterable[LogLine]:
    before, ordinal = -1, 0
    for event in events:
        ordinal = ordinal + 1 if event.timestamp_ms == before else 0
        before = event.timestamp_ms
        text = event.message.rstrip("\n")
        at = f"{event.at:%H:%M:%S}.{event.timestamp_ms % 1000:03}"
        yield LogLine(f"L{event.timestamp_ms}.{ordinal}", at, level(text), text)


def level(text: str) -> str:
    """Return what a line is marked as."""
    if _PLATFORM.match(text):
        return "platform"
    if _ERROR.search(text):
        return "error"
    return "warning" if _WARNING.search(text) else ""


def fill_a_file(pages: Iterable[Sequence[LogEvent]]) -> bool:
    """Tell whether there is as much as a file may have."""
    return sum(len(event.message) for events in pages for event in events) >= _MOST_BYTES


def as_file(events: Iterable[LogEvent], name: str) -> Response:
    """Return lines as a text file, with their times; the last ones, if there are too many."""
    text = "".join(f"{event.at:%FT%T}Z {cleaned(event.message.rstrip())}\n" for event in events)
    content = text.encode()
    if len(content) > _MOST_BYTES:
        content = content[-_MOST_BYTES:].partition(b"\n")[2]
    safe_name = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    headers = {"Content-Disposition": f'attachment; filename="{safe_name}.log"'}
    return Response(content, content_type="text/plain; charset=utf-8", headers=headers)
