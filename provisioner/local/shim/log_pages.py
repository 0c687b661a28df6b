"""CloudWatch Logs: FilterLogEvents has all the pages it takes; the engine has the first alone."""

from __future__ import annotations

import functools
import heapq
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOGS = "ministack.services.cloudwatch_logs"
_MOST_EVENTS = 10_000
"""Of one page, by the API."""


def install() -> None:
    """Give what does not fit into the first page a token."""
    for name in ("_log_groups", "_resolve_log_group_name", "_compile_filter_pattern"):
        private(_LOGS, name)
    wrap(_LOGS, "_filter_log_events", _in_pages)


def _in_pages(first_page: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(first_page)
    def filtering(request: dict[str, Any]) -> Any:  # noqa: ANN401
        status, headers, body = first_page(request)
        begin = int(request.get("nextToken") or 0)
        limit = min(request.get("limit", _MOST_EVENTS), _MOST_EVENTS)
        if status != 200 or (not begin and len(json.loads(body)["events"]) < limit):
            return status, headers, body
        found = list(islice(_matching(request), begin, begin + limit + 1))
        page: dict[str, Any] = {"events": found[:limit], "searchedLogStreams": []}
        if len(found) > limit:
            page["nextToken"] = str(begin + limit)
        return status, headers, json.dumps(page).encode()

    return filtering


def _matching(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all events that a request asks for, oldest first."""
    streams = private(_LOGS, "_log_groups")[private(_LOGS, "_resolve_log_group_name")(request)][
        "streams"
    ]
    matches = private(_LOGS, "_compile_filter_pattern")(request.get("filterPattern", ""))
    begin, end = request.get("startTime", 0), request.get("endTime", float("inf"))
    events = (
        [{**event, "logStreamName": name} for event in streams[name]["events"]]
        for name in request.get("logStreamNames") or streams
        if name in streams
    )
    for event in heapq.merge(*events, key=lambda event: event["timestamp"]):
        if begin <= event["timestamp"] <= end and matches(event["message"]):
            yield event
