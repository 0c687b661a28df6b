"""What one run logs, and no line of another one, page by page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from provisioner.aws import logs
from provisioner.errors import InvalidCursorError, NotFoundError
from provisioner.service import run_detail
from provisioner.service.job_logs import group_in
from provisioner.service.log_page import LogPage, position, read_cursor
from provisioner.service.log_slices import lines_after, lines_before
from provisioner.service.log_source import source_of, times_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.aws.logs import LogEvent
    from provisioner.service.context import Service
    from provisioner.service.log_source import LogSource
    from provisioner.stacks.model import StackRecord

_NOT_ALONE = (
    "other runs of the job ran at the same time, and nothing tells yet which lines are this run's"
)


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run whose row was read, and its job's Stacks row."""

    job_name: str
    row: Mapping[str, Any]
    record: StackRecord | None


def find(service: Service, job_name: str, run: str) -> KnownRun:
    """Return a run; two requests to DynamoDB.

    Raises
    ------
    NotFoundError
        If there is no such job or run.
    """
    record = service.record(job_name)
    return KnownRun(job_name, run_detail.find(service, job_name, run, record), record)


def of_run(
    service: Service,
    job_name: str,
    run: str,
    *,
    cursor: str | None = None,
    newest_first: bool = True,
    limit: int = 1000,
) -> LogPage:
    """Return a page of what one run has logged; three requests to DynamoDB.

    Raises
    ------
    NotFoundError
        If there is no such job or run, or its log group is gone.
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    known = find(service, job_name, run)
    return page_of(service, known, cursor=cursor, newest_first=newest_first, limit=limit)


def page_of(
    service: Service,
    known: KnownRun,
    *,
    cursor: str | None = None,
    newest_first: bool = True,
    limit: int = 1000,
) -> LogPage:
    """Return a page of what a run has logged; one request to DynamoDB.

    Parameters
    ----------
    newest_first
        Whether the first page, which has no cursor, is the end of the log or its beginning.
    limit
        Lines at most; a page may have fewer, or none, although there are more: it has no more
        characters than `PAGE_CHARACTERS`, but for a longer line alone.

    Raises
    ------
    NotFoundError
        If the job's log group is gone.
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    group = group_in(service, known.record, known.job_name)
    source = source_of(service, known.job_name, group, known.row)
    if source is None:
        newer = None if times_of(service, known.row)[2] else (cursor or "n0.0")
        return LogPage((), None, newer, _NOT_ALONE)
    kind, rest = read_cursor(cursor)
    if source.stream is not None and kind in {"", "s", "b", "n"}:
        return _of_stream(service, source, kind, rest, at_end=newest_first, limit=limit)
    if kind in {"s", "b"}:
        raise InvalidCursorError
    at, count = position(rest) if kind else (source.until_ms if newest_first else 0, 0)
    if kind == "o" or (not kind and newest_first):
        return lines_before(service, source, at, count, limit)
    return lines_after(service, source, at, count, limit)


def page_around(service: Service, known: KnownRun, at_ms: int, *, limit: int = 1000) -> LogPage:
    """Return a page of what a run has logged before and after a time; one request to DynamoDB.

    Parameters
    ----------
    at_ms
        Epoch milliseconds: the second half of the page begins with the first line of that time.

    Raises
    ------
    NotFoundError
        If the job's log group is gone.
    """
    group = group_in(service, known.record, known.job_name)
    source = source_of(service, known.job_name, group, known.row)
    if source is None:
        return page_of(service, known, limit=limit)
    at_ms = min(at_ms, source.until_ms)
    half = limit // 2
    ending = replace(source, until_ms=at_ms, ended=False)
    before = LogPage((), None, None)
    if source.stream is None:
        if at_ms > source.since_ms:
            before = lines_before(service, ending, at_ms - 1, 0, half)
        after = lines_after(service, source, at_ms, 0, limit - half)
    else:
        if at_ms > source.since_ms:
            before = _of_stream(service, ending, "", "", at_end=True, limit=half)
        if not before.events:
            return _of_stream(service, source, "", "", at_end=False, limit=limit)
        kind, rest = read_cursor(before.newer)
        after = _of_stream(service, source, kind, rest, at_end=False, limit=limit - half)
    return LogPage((*before.events, *after.events), before.older, after.newer)


def _of_stream(
    service: Service, source: LogSource, kind: str, rest: str, *, at_end: bool, limit: int
) -> LogPage:
    since_ms = source.since_ms
    if kind == "n":  # of a page before it was known which stream is the run's
        since_ms, at_end = max(since_ms, position(rest)[0]), False
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
    shown = tuple(source.own(found.events))
    first = (
        found.backward == token
        or (kind == "b" and not found.events)
        or (bool(shown) and source.is_start(shown[0]))
    )
    last = source.ended and (found.forward == token or (kind != "b" and not found.events))
    at_last = source.ended and not kind and at_end
    return LogPage(
        shown,
        None if first or (not kind and not at_end) else f"b{found.backward}",
        None if last or at_last else f"s{found.forward}",
    )


def whole_stream(service: Service, source: LogSource) -> Iterator[LogEvent]:
    """Yield all lines of a run that are in one stream."""
    cursor: str | None = None
    while True:
        kind, rest = read_cursor(cursor)
        found = _of_stream(service, source, kind, rest, at_end=False, limit=10_000)
        yield from found.events
        if found.newer is None or not found.events:
            return
        cursor = found.newer
