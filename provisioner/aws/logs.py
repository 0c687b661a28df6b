"""What jobs print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.aws.clients import Clients


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of a log group."""

    timestamp_ms: int
    stream: str
    message: str

    @property
    def at(self) -> datetime:
        """When the job printed it."""
        return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)


def events(clients: Clients, log_group: str, since_ms: int) -> Iterator[LogEvent]:
    """Yield the events of a group from a time on, of all its streams, oldest first.

    Raises
    ------
    NotFoundError
        If there is no such group.
    """
    with translated():
        pages = clients.logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=log_group, startTime=since_ms):
            for event in page["events"]:
                yield LogEvent(
                    timestamp_ms=event["timestamp"],
                    stream=event["logStreamName"],
                    message=event["message"],
                )
