"""What a job logs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from provisioner.aws import logs
from provisioner.aws.logs import LogEvent
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord

__all__ = ["LATE_MS", "LogEvent", "Tail", "events", "group_in", "group_of", "timezone_of"]

_GROUP = "LogGroup"

LATE_MS = 30_000
"""How much later than its time an event may become visible; events come unordered."""


def group_of(service: Service, job_name: str) -> str:
    """Return the name of a job's log group."""
    return service.output_of(job_name, _GROUP)


def group_in(service: Service, record: StackRecord | None, job_name: str) -> str:
    """Return the name of a job's log group, of a job whose Stacks row has been read."""
    return service.output_in(record, job_name, _GROUP)


def timezone_of(record: StackRecord | None) -> str:
    """Return the time zone of a job's schedule; "" when nothing is known of its row."""
    return record.row.timezone if record is not None and record.row is not None else ""


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
