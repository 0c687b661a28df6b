"""Where a bug can be planted: in what a world of runs is made of, never in the product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provisioner.entrypoints import sweep_runs
from provisioner.entrypoints.wiring import Runtime
from provisioner.runs.overlap import RunControl
from provisioner.runs.work import WorkByType
from templates.workflow.failure_rules import MAX_REFUSALS
from tests.simulation.runs.machines import Machines
from tests.simulation.runs.queues import Queues
from tests.simulation.runs.table import Table
from tests.support.fakes import FakeSlots, FakeSubmissions

if TYPE_CHECKING:
    from tests.simulation.runs.world import World

OUTSIDE = ("ecs", "batch", "ec2")
"""Types of jobs whose work goes on when the execution that started it is stopped."""


@dataclass
class Work:
    """What executions have left running, of one type."""

    world: World
    job_type: str

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:
        """Stop it; return how many pieces that were."""
        if self.job_type == "ec2":
            return self.world.machines.stop(job_name, execution_name, reason)
        if self.world.work.get(execution_name) != self.job_type:
            return 0
        del self.world.work[execution_name]
        return 1


@dataclass(frozen=True)
class Bug:
    """What a world is made of; without arguments nothing is wrong with it."""

    table: type[Table] = Table
    work: Callable[[World, str], Any] = Work
    by_type: type[WorkByType] = WorkByType
    control: type[RunControl] = RunControl
    slots: type[FakeSlots] = FakeSlots
    submissions: type[FakeSubmissions] = FakeSubmissions
    queues: type[Queues] = Queues
    sweeps: tuple[Callable[[Runtime, datetime], int], ...] = (
        sweep_runs.complete_ended_runs,
        sweep_runs.start_waiting_runs,
        sweep_runs.unpark_messages,
        sweep_runs.stop_overdue_machines,
    )
    machines: type[Machines] = Machines
    refusals: int = MAX_REFUSALS


NO_BUG = Bug()
