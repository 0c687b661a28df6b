"""The sweep ends machines that no longer can by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from provisioner.entrypoints import sweep_runs
from provisioner.entrypoints.wiring import Runtime
from tests.support.functions import having
from tests.support.platforms import SETTINGS

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


class Machines:
    """Machines by their deadlines."""

    def __init__(self, *deadlines: datetime) -> None:
        self.deadlines = list(deadlines)

    def stop_overdue(self, now: datetime) -> int:
        before = len(self.deadlines)
        self.deadlines = [each for each in self.deadlines if each >= now]
        return before - len(self.deadlines)


def test_a_machine_is_given_time_to_end_by_itself():
    late, just_over, early = (NOW - timedelta(minutes=minutes) for minutes in (3, 1, -60))
    machines = Machines(late, just_over, early)

    swept = sweep_runs.stop_overdue_machines(having(Runtime(SETTINGS), machines=machines), NOW)

    assert swept == 1
    assert machines.deadlines == [just_over, early]
