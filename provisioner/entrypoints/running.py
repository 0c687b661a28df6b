"""What the functions that see to runs share."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from provisioner.aws.dependants import DependantsTable
from provisioner.aws.executions import JobExecutions
from provisioner.aws.tasks import Tasks
from provisioner.aws.triggers_table import TriggersTable
from provisioner.dependencies import Chain
from provisioner.entrypoints.shared import settings
from provisioner.run_control import RunControl


@cache
def chain() -> Chain:
    """Return the process's one way to start what waited for other jobs."""
    platform = settings().platform
    return Chain(DependantsTable(platform.triggers_table), JobExecutions(platform))


@cache
def control() -> RunControl:
    """Return the process's one way to start and stop runs."""
    platform = settings().platform
    return RunControl(
        TriggersTable(platform.triggers_table),
        JobExecutions(platform),
        Tasks(platform.ecs_cluster_arn),
        lambda: datetime.now(UTC),
    )
