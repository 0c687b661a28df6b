"""Machines of runs: what goes wrong with them, and what ends them (docs/concepts/machines.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from provisioner.errors import ProvisionerError
from provisioner.jobs.machines import silence_seconds
from tests.simulation.faults import Crash

if TYPE_CHECKING:
    from tests.simulation.runs.world import Execution, World

HEARTBEAT = timedelta(seconds=60)
SILENCE_SECONDS = silence_seconds(60)
LONGEST = timedelta(seconds=720)
"""From the start of a run to its end at the latest, which is its machine's deadline."""
TIMER = timedelta(seconds=60)
"""The operating system's timer counts minutes."""


class Health(StrEnum):
    """What goes on on a machine."""

    WELL = "well"
    CUT_OFF = "cut off"
    """Nobody hears it, and it hears nobody."""
    HUNG = "hung"
    """Nothing on it goes on, not even the timer."""


@dataclass(eq=False)
class Machine:
    """One machine; its container works for so many seconds."""

    execution: Execution
    launched_at: datetime
    seconds: float
    shown_at: datetime
    health: Health = Health.WELL
    was_missed: bool = False
    """Its run's work was stopped, and EC2 did not show it, or did not terminate it."""

    @property
    def deadline(self) -> datetime:
        return self.execution.started_at + LONGEST

    @property
    def latest_end(self) -> datetime:
        """When it has ended, whatever becomes of the provisioner."""
        if self.health is Health.HUNG:
            return datetime.max.replace(tzinfo=UTC)
        ends = [self.launched_at + timedelta(seconds=self.seconds), self.deadline + TIMER]
        if self.health is Health.WELL and self.execution.ended_at:
            ends.append(self.execution.ended_at + HEARTBEAT)
        return min(ends)


class Machines:
    """The machines of one job, by their executions: the port of the sweep, and of stopped work."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.alive: dict[str, Machine] = {}
        self.hidden_until = world.now
        """Until when DescribeInstances shows no machine that is launched."""
        self.terminated_at_work: list[str] = []

    def work(self, execution: Execution, seconds: float) -> Iterator[float]:
        """Launch a machine and wait for its report; return whether that came.

        Else the machine was silent for too long, and the workflow terminates it.
        """
        machine = self._launch(execution, seconds)
        while machine.health is Health.WELL and seconds > 0:
            yield min(seconds, HEARTBEAT.total_seconds())
            seconds -= HEARTBEAT.total_seconds()
        if machine.health is Health.WELL:
            self._world.work.pop(execution.name, None)
            return True
        yield SILENCE_SECONDS
        self.after_failure(machine)
        return False

    def _launch(self, execution: Execution, seconds: float) -> Machine:
        now = self._world.now
        machine = Machine(execution, now, seconds, max(now, self.hidden_until))
        self.alive[execution.name] = machine
        self._world.after(seconds, partial(self.after_report, machine))
        until_timer = machine.deadline + TIMER - now
        self._world.after(until_timer.total_seconds(), partial(self.by_timer, machine))
        return machine

    # Its own ends

    def after_report(self, machine: Machine) -> None:
        """End it as the boot program does, whether or not its report was accepted."""
        if machine.health is not Health.HUNG:
            self.end(machine)

    def by_timer(self, machine: Machine) -> None:
        if machine.health is not Health.HUNG:
            self.end(machine)

    def run_ended(self, execution: Execution) -> None:
        """Let a machine hear of it by its next heartbeat."""
        if machine := self.alive.get(execution.name):
            self._world.after(HEARTBEAT.total_seconds(), partial(self.by_refusal, machine))

    def by_refusal(self, machine: Machine) -> None:
        """End it because its heartbeat was refused."""
        if machine.health is Health.WELL:
            self.end(machine)

    # The provisioner's

    def after_failure(self, machine: Machine) -> None:
        """Terminate the machine of a failed attempt, as the workflow does, which goes on anyhow."""
        name = machine.execution.name
        try:
            self._world.faults.call("work.terminate", lambda: self.stop("job", name, "lost"))
        except (ProvisionerError, Crash):
            machine.was_missed = True

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:
        del job_name, reason
        machine = self.alive.get(execution_name)
        if machine is None:
            return 0
        machine.was_missed = machine.shown_at > self._world.now
        if machine.was_missed:
            return 0
        self.end(machine)
        return 1

    def stop_overdue(self, now: datetime) -> int:
        overdue = [
            machine
            for machine in self.alive.values()
            if machine.deadline < now and machine.shown_at <= self._world.now
        ]
        for machine in overdue:
            if machine.execution.status == "RUNNING":
                self.terminated_at_work.append(machine.execution.name)
            self.end(machine)
        return len(overdue)

    def kill(self, machine: Machine) -> None:
        """End it without a word."""
        machine.health = Health.CUT_OFF
        self.end(machine)

    def end(self, machine: Machine) -> None:
        self.alive.pop(machine.execution.name, None)
        self._world.work.pop(machine.execution.name, None)
