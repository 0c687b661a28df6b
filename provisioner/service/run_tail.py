"""What one run logs, as it comes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provisioner.service.job_logs import Tail, group_of
from provisioner.service.log_source import is_alone, source_of, times_of
from provisioner.service.run_logs import whole_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.aws.logs import LogEvent
    from provisioner.service.context import Service


class RunTail:
    """The lines of one run as they come: each call yields what came since the one before.

    As long as another run of the job continues at the same time, lines are held back until the row
    says which are this run's: those of a function when it has ended, others once it has begun.
    """

    def __init__(self, service: Service, job_name: str, row: Mapping[str, Any]) -> None:
        self._service, self._job_name = service, job_name
        self._group = group_of(service, job_name)
        since_ms, _, _ = times_of(service, row)
        self._tail = Tail(service, self._group, since_ms)
        self._held: list[LogEvent] = []
        self._shown: Counter[LogEvent] = Counter()

    @property
    def holds_back(self) -> bool:
        """Whether there are lines of which it is not known yet whether they are this run's."""
        return bool(self._held)

    def new(self, row: Mapping[str, Any]) -> Iterator[LogEvent]:
        """Yield the lines that were not there before, of a run that is as its row says."""
        # Read first: whatever has logged a line has its row by then.
        self._held += self._tail.new()
        if is_alone(self._service, self._job_name, row):
            fresh, self._held = self._held, []
        elif row.get("log_stream") or times_of(self._service, row)[2]:
            fresh, self._held = self._own(row), []
        else:
            return
        now: Counter[LogEvent] = Counter()
        for event in fresh:
            now[event] += 1
            self._shown[event] += 1
            yield event

    def _own(self, row: Mapping[str, Any]) -> list[LogEvent]:
        source = source_of(self._service, self._job_name, self._group, row)
        if source is None or source.stream is None:
            return []
        left, own = Counter(self._shown), []
        for event in whole_stream(self._service, source):
            if left[event] > 0:
                left[event] -= 1
            else:
                own.append(event)
        return own
