"""What one run logs, and no line of another one, page by page or as it comes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws import logs
from provisioner.aws.logs import LogEvent
from provisioner.errors import InvalidCursorError, NotFoundError
from provisioner.runs.model import RunStatus, iso, time_of
from provisioner.service import run_detail
from provisioner.service.job_logs import LATE_MS, Tail, group_in, group_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provisioner.service.context import Service

__all__ = ["LogEvent", "LogPage", "RunTail", "of_run"]

_NEIGHBOURS = 20
"""Last runs of the job among which one that ran at the same time is looked for."""

_AFTER = timedelta(milliseconds=100)
"""Clocks differ a little, and the next run's work begins some states after this one's end."""

_FIRST_SLICE_MS = 60_000
_SLICES = 12
"""Each is four times as long as the one before: together longer than a run can take."""

_SLICE_PAGES, _SHORTER = 50, 64
"""A slice with so many pages of lines is made so much shorter."""

_PAGE_CHARACTERS = 1_000_000
"""Of a page's lines, as of one of GetLogEvents: a line may have 1 MB, a function's answer 6."""

_REQUEST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CURSOR = re.compile(r"(?P<kind>[sbon])(?P<rest>.*)", re.DOTALL)
_TIME = re.compile(r"(\d{1,15})\.(\d{1,9})")

_NOT_ALONE = (
    "other runs of the job ran at the same time, and nothing tells yet which lines are this run's"
)


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


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a run's lines are, and between which times.

    `stream` is None when they may be in several; then all lines of the group are the run's, because
    the job had no other run at the time.
    """

    group: str
    since_ms: int
    until_ms: int
    ended: bool
    stream: str | None = None
    request_id: str | None = None


def of_run(
    service: Service,
    job_name: str,
    run: str,
    *,
    cursor: str | None = None,
    newest_first: bool = True,
    limit: int = 1000,
    row: Mapping[str, Any] | None = None,
) -> LogPage:
    """Return a page of what one run has logged; three requests to DynamoDB.

    Parameters
    ----------
    row
        The run's, if it was read; None to have it read.
    newest_first
        Whether the first page, which has no cursor, is the end of the log or its beginning.
    limit
        Lines at most; a page may have fewer, or none, although there are more: it has no more
        characters than `_PAGE_CHARACTERS`, but for a longer line alone.

    Raises
    ------
    NotFoundError
        If there is no such job or run, or its log group is gone.
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    record = service.record(job_name)
    if row is None:
        row = run_detail.find(service, job_name, run, record)
    source = _source(service, job_name, group_in(service, record, job_name), row)
    if source is None:
        newer = None if _times(service, row)[2] else (cursor or "n0.0")
        return LogPage((), None, newer, _NOT_ALONE)
    kind, rest = _read(cursor)
    if source.stream is not None and kind in {"", "s", "b", "n"}:
        return _of_stream(service, source, kind, rest, at_end=newest_first, limit=limit)
    if kind in {"s", "b"}:
        raise InvalidCursorError
    at, count = _position(rest) if kind else (source.until_ms if newest_first else 0, 0)
    if kind == "o" or (not kind and newest_first):
        return _before(service, source, at, count, limit)
    return _after(service, source, at, count, limit)


class RunTail:
    """The lines of one run as they come: each call yields what came since the one before.

    As long as another run of the job goes on at the same time, lines are held back until the row
    says which are this run's: on Batch once it has begun, else when it has ended.
    """

    def __init__(self, service: Service, job_name: str, row: Mapping[str, Any]) -> None:
        self._service, self._job_name = service, job_name
        self._group = group_of(service, job_name)
        since_ms, _, _ = _times(service, row)
        self._tail = Tail(service, self._group, since_ms)
        self._held: list[LogEvent] = []
        self._shown: Counter[LogEvent] = Counter()

    def new(self, row: Mapping[str, Any]) -> Iterator[LogEvent]:
        """Yield the lines that were not there before, of a run that is as its row says."""
        # Read first: whatever has logged a line has its row by then.
        self._held += self._tail.new()
        if is_alone(self._service, self._job_name, row):
            fresh, self._held = self._held, []
        elif row.get("log_stream") or _times(self._service, row)[2]:
            fresh = self._own(row)
        else:
            return
        now: Counter[LogEvent] = Counter()
        for event in fresh:
            now[event] += 1
            self._shown[event] += 1
            yield event

    def _own(self, row: Mapping[str, Any]) -> list[LogEvent]:
        source = _source(self._service, self._job_name, self._group, row)
        if source is None or source.stream is None:
            return []
        left, own = Counter(self._shown), []
        for event in _whole(self._service, source):
            if left[event] > 0:
                left[event] -= 1
            else:
                own.append(event)
        return own


def is_alone(service: Service, job_name: str, row: Mapping[str, Any]) -> bool:
    """Tell whether no other run of the job ran at the same time, as far as is known now."""
    since, until = time_of(row.get("started_at")), time_of(row.get("ended_at"))
    before = iso(until or service.clock() + timedelta(minutes=1))
    for other in service.triggers.begun_before(job_name, before, _NEIGHBOURS):
        if other["trigger_id"] == row.get("trigger_id") or other.get("status") in _DID_NOTHING:
            continue
        began, ended = time_of(other.get("started_at")), time_of(other.get("ended_at"))
        if (ended is None or since is None or ended > since) and (
            until is None or began is None or began < until
        ):
            return False
    return True


_DID_NOTHING = {RunStatus.QUEUED, RunStatus.SKIPPED}


def _source(service: Service, job_name: str, group: str, row: Mapping[str, Any]) -> _Source | None:
    """Return where a run's lines are; None as long as nothing tells them from others'."""
    since_ms, until_ms, ended = _times(service, row)
    whole = _Source(group, since_ms, until_ms, ended)
    exact = _exact(service, row, whole)
    if exact is not None and row.get("attempts") in (None, 1):
        return exact
    return whole if is_alone(service, job_name, row) else exact


def _exact(service: Service, row: Mapping[str, Any], whole: _Source) -> _Source | None:
    """Return the one stream that a run's last attempt logged to, as far as its row says."""
    stream, request = row.get("log_stream"), row.get("request_id")
    if isinstance(stream, str) and stream:
        # A container's stream is its own, and its last lines may come late.
        return _Source(whole.group, 0, whole.until_ms + LATE_MS, whole.ended, stream)
    if not isinstance(request, str) or not _REQUEST.fullmatch(request):
        return None
    late = whole.until_ms + LATE_MS
    marks = {
        mark: next(
            logs.events(
                service.clients,
                whole.group,
                whole.since_ms,
                until_ms=late,
                containing=f"{mark} RequestId: {request}",
            ),
            None,
        )
        for mark in ("START", "REPORT")
    }
    start, report = marks["START"], marks["REPORT"]
    if start is None:
        return None
    until_ms = report.timestamp_ms + 1 if report else late
    return _Source(whole.group, start.timestamp_ms, until_ms, whole.ended, start.stream, request)


def _times(service: Service, row: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Return from when to when a run goes, epoch milliseconds, and whether it has ended."""
    since, until = time_of(row.get("started_at")), time_of(row.get("ended_at"))
    now = service.clock()
    last = until + _AFTER if until else now + timedelta(minutes=1)
    return (
        int((since or now).timestamp() * 1000),
        int(last.timestamp() * 1000),
        until is not None,
    )


# One stream: CloudWatch Logs pages both ways.


def _of_stream(
    service: Service, source: _Source, kind: str, rest: str, *, at_end: bool, limit: int
) -> LogPage:
    since_ms = source.since_ms
    if kind == "n":  # of a page before it was known which stream is the run's
        since_ms, at_end = max(since_ms, _position(rest)[0]), False
    token = rest if kind in {"s", "b"} else None
    try:
        found = logs.stream_page(
            service.clients,
            source.group,
            str(source.stream),
            limit=limit,
            between_ms=(since_ms, source.until_ms),
            token=token,
            at_end=at_end,
        )
    except NotFoundError:  # it has logged nothing
        return LogPage((), None, None if source.ended else "n0.0")
    shown = tuple(_own(found.events, source.request_id))
    first = (
        found.backward == token
        or (kind == "b" and not found.events)
        or (bool(shown) and _begins(shown[0], source.request_id))
    )
    last = source.ended and (found.forward == token or (kind != "b" and not found.events))
    at_last = source.ended and not kind and at_end
    return LogPage(
        shown,
        None if first or (not kind and not at_end) else f"b{found.backward}",
        None if last or at_last else f"s{found.forward}",
    )


def _whole(service: Service, source: _Source) -> Iterator[LogEvent]:
    cursor: str | None = None
    while True:
        kind, rest = _read(cursor)
        found = _of_stream(service, source, kind, rest, at_end=False, limit=10_000)
        yield from found.events
        if found.newer is None or not found.events:
            return
        cursor = found.newer


def _own(events: Sequence[LogEvent], request_id: str | None) -> Sequence[LogEvent]:
    """Return the events of one invocation: others in its stream came before or after it."""
    if request_id is None:
        return events
    first, last = 0, len(events)
    for index, event in enumerate(events):
        if _begins(event, request_id):
            first = index
        if event.message.startswith(f"REPORT RequestId: {request_id}"):
            last = index + 1
            break
    return events[first:last]


def _begins(event: LogEvent, request_id: str | None) -> bool:
    """Tell whether this is the first line of an invocation."""
    return event.message.startswith(f"START RequestId: {request_id}")


# A time of the whole group: CloudWatch Logs only goes on, so going back is by times. A position is
# a time and how many lines of that millisecond have been shown.


def _before(service: Service, source: _Source, at: int, count: int, limit: int) -> LogPage:
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


def _slice(service: Service, source: _Source, at: int, wanted: int) -> tuple[list[LogEvent], int]:
    """Return the lines up to a time, and from when on: as many as are wanted, unless few are there.

    A slice of too many lines is not read to its end, but made smaller.
    """
    length, found, since_ms = _FIRST_SLICE_MS, list[LogEvent](), at
    for _ in range(_SLICES):
        begin = max(source.since_ms, at - length)
        lines = logs.events(service.clients, source.group, begin, until_ms=at)
        most = None if length == 1 else wanted * _SLICE_PAGES
        read = list(islice(lines, most))
        if most is not None and len(read) >= most:
            if since_ms < at:  # fewer than are wanted: the next page goes on before them
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
        if count and characters > _PAGE_CHARACTERS:
            break
        count += 1
    return tuple(events[len(events) - count :])


def _after(service: Service, source: _Source, at: int, count: int, limit: int) -> LogPage:
    since_ms = max(at, source.since_ms)
    found: list[LogEvent] = []
    skipped = characters = 0
    events = logs.events(service.clients, source.group, since_ms, until_ms=source.until_ms)
    for event in events:
        if event.timestamp_ms == at and skipped < count:
            skipped += 1
            continue
        characters += len(event.message)
        if found and (len(found) == limit or characters > _PAGE_CHARACTERS):
            return LogPage(tuple(found), None, _newer(source, found, (at, count), more=True))
        found.append(event)
    return LogPage(tuple(found), None, _newer(source, found, (at, count), more=False))


def _newer(
    source: _Source, shown: Sequence[LogEvent], before: tuple[int, int], *, more: bool
) -> str | None:
    if source.ended and not more:
        return None
    if not shown:
        return f"n{before[0] if before[0] < source.until_ms else source.since_ms}.{before[1]}"
    last = shown[-1].timestamp_ms
    here = sum(event.timestamp_ms == last for event in shown)
    return f"n{last}.{here + (before[1] if last == before[0] else 0)}"


def _read(cursor: str | None) -> tuple[str, str]:
    if not cursor:
        return "", ""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidCursorError
    return found["kind"], found["rest"]


def _position(text: str) -> tuple[int, int]:
    found = _TIME.fullmatch(text)
    if found is None:
        raise InvalidCursorError
    return int(found[1]), int(found[2])
