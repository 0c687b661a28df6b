"""What a job logs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.aws import logs
from provisioner.aws.logs import LogEvent
from provisioner.errors import TemporaryError
from provisioner.service import run_detail
from provisioner.service.run_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.service.context import Service

__all__ = ["LogEvent", "LogPage", "Tail", "events", "group_of", "of_run"]

LATE_MS = 30_000
"""How much later than its time an event may become visible; events come unordered."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines of one run, oldest first.

    Attributes
    ----------
    older
        Asks for the lines before these; None when these are the first.
    newer
        Asks for the lines after these; None when the run has ended and these are the last.
    """

    events: tuple[LogEvent, ...]
    older: str | None
    newer: str | None


def of_run(
    service: Service,
    job_name: str,
    run: str,
    *,
    cursor: str | None = None,
    newest_first: bool = True,
    limit: int = 1000,
) -> LogPage:
    """Return a page of what one run has logged.

    Parameters
    ----------
    newest_first
        Whether the first page, which has no cursor, is the end of the log or its beginning.
    limit
        Lines at most; a page may have fewer, or none, although there are more.

    Raises
    ------
    NotFoundError
        If there is no such job or run, or its log group is gone.
    """
    row = run_detail.find(service, job_name, run)
    line, now = line_of(row), service.clock()
    since = line.started_at or now
    until = (line.ended_at or now) + timedelta(milliseconds=LATE_MS)
    since_ms, until_ms = (int(at.timestamp() * 1000) for at in (since, until))
    after = int(cursor) if cursor else 0
    group = group_of(service, job_name)
    found = [
        each
        for each in logs.events(service.clients, group, since_ms)
        if each.timestamp_ms <= until_ms
    ]
    first = max(0, len(found) - limit) if newest_first and not cursor else after
    shown = tuple(found[first : first + limit])
    more = first + len(shown) < len(found) or line.ended_at is None
    return LogPage(
        shown,
        older=str(max(0, first - limit)) if first else None,
        newer=str(first + len(shown)) if more else None,
    )


def group_of(service: Service, job_name: str) -> str:
    """Return the name of a job's log group."""
    return service.output_of(job_name, "LogGroup")


def events(service: Service, log_group: str, since_ms: int) -> Iterator[LogEvent]:
    """Yield the events of a log group from a time on, oldest first; epoch milliseconds."""
    return logs.events(service.clients, log_group, since_ms)


class Tail:
    """The end of a log group: each call of `new` yields what came since the one before."""

    def __init__(self, service: Service, log_group: str, since_ms: int) -> None:
        self._service = service
        self._log_group = log_group
        self._since_ms = since_ms
        self._seen: Counter[LogEvent] = Counter()

    def new(self) -> Iterator[LogEvent]:
        """Yield the events that were not there before; after a temporary error, as far as read."""
        now: Counter[LogEvent] = Counter()
        try:
            for event in events(self._service, self._log_group, self._since_ms):
                now[event] += 1  # the same line may well be printed twice in a millisecond
                if now[event] > self._seen[event]:
                    yield event
            self._seen = now
        except TemporaryError:
            self._seen |= now
        newest_ms = max((event.timestamp_ms for event in self._seen), default=0)
        self._since_ms = max(self._since_ms, newest_ms - LATE_MS)
