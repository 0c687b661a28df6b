"""Which lines of a job's log group are those of one run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws import logs
from provisioner.runs.model import RunStatus, iso, time_of
from provisioner.service.job_logs import LATE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.aws.logs import LogEvent
    from provisioner.service.context import Service

_NEIGHBOURS = 20
"""Last runs of the job among which one that ran at the same time is looked for."""

_AFTER = timedelta(milliseconds=100)
"""Clocks differ a little, and the next run's work begins some states after this one's end."""

_END_MS = 2_000
"""Lambda's report of an invocation comes no longer than this before the end of its run."""

_MOST_MARKS = 1_000
"""A job's code can print as many lines that look like Lambda's own as it wants."""

_REQUEST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class LogSource:
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

    def own(self, events: Sequence[LogEvent]) -> Sequence[LogEvent]:
        """Return the events of one invocation: others in its stream came before or after it.

        Lambda's own lines are known by their times as well: the job's code may print such lines.
        """
        if self.request_id is None:
            return events
        starts = [at for at, event in enumerate(events) if self.is_start(event)]
        ends = [
            at + 1
            for at, event in enumerate(events)
            if event.timestamp_ms == self.until_ms - 1 and _is(event, "REPORT", self.request_id)
        ]
        return events[starts[0] if starts else 0 : ends[-1] if ends else len(events)]

    def is_start(self, event: LogEvent) -> bool:
        """Tell whether this is the first line of the run's invocation."""
        return (
            self.request_id is not None
            and event.timestamp_ms == self.since_ms
            and _is(event, "START", self.request_id)
        )


def source_of(
    service: Service, job_name: str, group: str, row: Mapping[str, Any]
) -> LogSource | None:
    """Return where a run's lines are; None as long as nothing tells them from others'."""
    since_ms, until_ms, ended = times_of(service, row)
    whole = LogSource(group, since_ms, until_ms, ended)
    exact = _exact(service, row, whole)
    if exact is not None and row.get("attempts") in (None, 1):
        return exact
    return whole if is_alone(service, job_name, row) else exact


def _exact(service: Service, row: Mapping[str, Any], whole: LogSource) -> LogSource | None:
    """Return the one stream that a run's last attempt logged to, as far as its row says."""
    stream, request = row.get("log_stream"), row.get("request_id")
    if isinstance(stream, str) and stream:
        # A container's stream is its own, and its last lines may come late.
        return replace(whole, since_ms=0, until_ms=whole.until_ms + LATE_MS, stream=stream)
    if not isinstance(request, str) or not _REQUEST.fullmatch(request):
        return None
    start = next(iter(_marks(service, whole, "START", request)), None)
    if start is None:
        return None
    found = replace(whole, stream=start.stream, request_id=request, since_ms=start.timestamp_ms)
    reports = _marks(service, found, "REPORT", request)
    if not reports:
        return replace(found, until_ms=whole.until_ms + LATE_MS)
    # An earlier one was printed by the run itself, a later one by another in the same environment.
    least = whole.until_ms - _END_MS
    report = next((each for each in reports if each.timestamp_ms >= least), reports[-1])
    return replace(found, until_ms=report.timestamp_ms + 1)


def _marks(service: Service, within: LogSource, mark: str, request: str) -> list[LogEvent]:
    """Return the lines that look like Lambda's own of an invocation, oldest first."""
    found = logs.events(
        service.clients,
        within.group,
        within.since_ms,
        until_ms=within.until_ms + LATE_MS,
        containing=f"{mark} RequestId: {request}",
        stream=within.stream,
    )
    return [event for event in islice(found, _MOST_MARKS) if _is(event, mark, request)]


def _is(event: LogEvent, mark: str, request: str) -> bool:
    return event.message.startswith(f"{mark} RequestId: {request}")


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


def times_of(service: Service, row: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Return from when to when a run goes, epoch milliseconds, and whether it has ended."""
    since, until = time_of(row.get("started_at")), time_of(row.get("ended_at"))
    now = service.clock()
    last = until + _AFTER if until else now + timedelta(minutes=1)
    return (
        int((since or now).timestamp() * 1000),
        int(last.timestamp() * 1000),
        until is not None,
    )
