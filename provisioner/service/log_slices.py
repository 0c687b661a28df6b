"""Pages of all lines of a log group, by their times.

CloudWatch Logs only reads forward, so going back is by slices of time. A position is a time and how
many lines of that millisecond have been shown.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from provisioner.aws import logs
from provisioner.aws.logs import LogEvent
from provisioner.service.log_page import LogPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.service.context import Service
    from provisioner.service.log_source import LogSource

_FIRST_SLICE_MS = 60_000
_SLICES = 12
"""Each is four times as long as the one before: together longer than a run can take."""

_SLICE_PAGES, _SHORTER = 50, 64
"""A slice with so many pages of lines is made so much shorter."""

PAGE_CHARACTERS = 1_000_000
"""Of a page's lines, as of one of GetLogEvents: a line may have 1 MB, a function's answer 6."""


def lines_before(service: Service, source: LogSource, at: int, count: int, limit: int) -> LogPage:
    """Return the page before a position."""
    found, since_ms = _slice(service, source, at, limit + count)
    same = sum(event.timestamp_ms == at for event in found)
    known = found[: len(found) - min(count, same)]
    shown = _last(known, limit)
    older = None
    if len(known) > len(shown) or since_ms > source.since_ms:
        first = shown[0].timestamp_ms if shown else since_ms
        here = sum(event.timestamp_ms == first for event in shown)
        older = f"o{first}.{here + (count if first == at else 0)}"
    return LogPage(shown, older, _newer(source, shown, (at, 0), more=False))


def _slice(service: Service, source: LogSource, at: int, wanted: int) -> tuple[list[LogEvent], int]:
    """Return the lines up to a time, and from when on: as many as are wanted, unless few are there.

    A slice of too many lines is not read to its end, but made smaller.
    """
    length, found, since_ms = _FIRST_SLICE_MS, list[LogEvent](), at
    for _ in range(_SLICES):
        begin = max(source.since_ms, at - length)
        lines = logs.events(service.clients, source.group, begin, until_ms=at)
        limit = None if length == 1 else wanted * _SLICE_PAGES
        read = list(islice(lines, limit))
        if limit is not None and len(read) >= limit:
            if since_ms < at:  # fewer than are wanted: the next page continues before them
                break
            length = max(1, length // _SHORTER)
            continue
        found, since_ms = read, begin
        if len(found) >= wanted or since_ms == source.since_ms:
            break
        length *= 4
    return found, since_ms


def _last(events: Sequence[LogEvent], limit: int) -> tuple[LogEvent, ...]:
    count = characters = 0
    for event in reversed(events[-limit:]):
        characters += len(event.message)
        if count and characters > PAGE_CHARACTERS:
            break
        count += 1
    return tuple(events[len(events) - count :])


def lines_after(service: Service, source: LogSource, at: int, count: int, limit: int) -> LogPage:
    """Return the page after a position."""
    since_ms = max(at, source.since_ms)
    found: list[LogEvent] = []
    skipped = characters = 0
    events = logs.events(service.clients, source.group, since_ms, until_ms=source.until_ms)
    for event in events:
        if event.timestamp_ms == at and skipped < count:
            skipped += 1
            continue
        characters += len(event.message)
        if found and (len(found) == limit or characters > PAGE_CHARACTERS):
            return LogPage(tuple(found), None, _newer(source, found, (at, count), more=True))
        found.append(event)
    return LogPage(tuple(found), None, _newer(source, found, (at, count), more=False))


def _newer(
    source: LogSource, shown: Sequence[LogEvent], before: tuple[int, int], *, more: bool
) -> str | None:
    if source.ended and not more:
        return None
    if not shown:
        return f"n{before[0] if before[0] < source.until_ms else source.since_ms}.{before[1]}"
    last = shown[-1].timestamp_ms
    here = sum(event.timestamp_ms == last for event in shown)
    return f"n{last}.{here + (before[1] if last == before[0] else 0)}"
