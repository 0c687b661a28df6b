"""What the functions that see to runs share."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from provisioner.aws.concurrency_table import PlacesTable
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.executions import JobExecutions
from provisioner.aws.message_queues import MessageQueues
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.tasks import Tasks
from provisioner.aws.triggers_table import TriggersTable
from provisioner.entrypoints.shared import settings
from provisioner.runs.concurrency import MessageRuns
from provisioner.runs.dependencies import Chain
from provisioner.runs.overlap import RunControl


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


@cache
def message_runs() -> MessageRuns:
    """Return the process's one way to start runs for messages."""
    own = settings()
    return MessageRuns(
        PlacesTable(own.platform.triggers_table),
        MessageQueues(own.platform.prefix),
        JobExecutions(own.platform),
        StacksTable(own.stacks_table),
        lambda: datetime.now(UTC),
    )
