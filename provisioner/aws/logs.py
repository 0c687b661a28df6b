"""What jobs print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.aws.clients import Clients


MOST_EVENTS = 10_000
"""CloudWatch Logs, GetLogEvents: of one answer."""


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


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Events of one stream, oldest first, and the tokens of those before and after them."""

    events: tuple[LogEvent, ...]
    backward: str
    forward: str


def events(
    clients: Clients,
    log_group: str,
    since_ms: int,
    *,
    until_ms: int | None = None,
    containing: str = "",
    stream: str | None = None,
) -> Iterator[LogEvent]:
    """Yield the events of a group from a time on, of one or all of its streams, oldest first.

    Parameters
    ----------
    until_ms
        None for all that follow.
    containing
        Only those with this text; it has no quotation marks.
    stream
        None for all streams.

    Raises
    ------
    NotFoundError
        If there is no such group.
    """
    request: dict[str, Any] = {"logGroupName": log_group, "startTime": since_ms}
    if until_ms is not None:
        request["endTime"] = until_ms
    if stream is not None:
        request["logStreamNames"] = [stream]
    if containing:
        request["filterPattern"] = f'"{containing}"'
    with translated():
        pages = clients.logs.get_paginator("filter_log_events")
        for page in pages.paginate(**request):
            for event in page["events"]:
                yield LogEvent(
                    timestamp_ms=event["timestamp"],
                    stream=event["logStreamName"],
                    message=event["message"],
                )


def stream_page(
    clients: Clients,
    log_group: str,
    stream: str,
    *,
    limit: int,
    between_ms: tuple[int, int],
    token: str | None = None,
    at_end: bool = False,
) -> StreamPage:
    """Return a page of one stream: that of a token, or else its end or its beginning.

    It has `MOST_EVENTS` events or 1 MB at most, whatever `limit` says.

    Raises
    ------
    NotFoundError
        If the log group has no stream of that name.
    """
    with translated():
        found = clients.logs.get_log_events(
            logGroupName=log_group,
            logStreamName=stream,
            startTime=between_ms[0],
            endTime=between_ms[1],
            limit=min(limit, MOST_EVENTS),
            startFromHead=not at_end,
            **({"nextToken": token} if token else {}),
        )
    listed = tuple(
        LogEvent(timestamp_ms=event["timestamp"], stream=stream, message=event["message"])
        for event in found["events"]
    )
    return StreamPage(listed, found["nextBackwardToken"], found["nextForwardToken"])
