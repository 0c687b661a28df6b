"""What the functions of the runs share."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from provisioner.aws.concurrency_table import ConcurrencyTable
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.executions import JobExecutions
from provisioner.aws.message_queues import MessageQueues
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.tasks import Tasks
from provisioner.aws.triggers_table import TriggersTable
from provisioner.entrypoints.shared import clients, settings
from provisioner.runs.concurrency import MessageRuns
from provisioner.runs.dependencies import DependencyStarter
from provisioner.runs.overlap import RunControl


@cache
def dependency_starter() -> DependencyStarter:
    """Return what starts dependants."""
    platform = settings().platform
    return DependencyStarter(
        DependantsTable(clients(), platform.triggers_table),
        JobExecutions(clients(), platform),
        ReconcileQueue(clients(), settings().reconcile_queue_url),
    )


@cache
def control() -> RunControl:
    """Return what starts waiting runs."""
    platform = settings().platform
    return RunControl(
        TriggersTable(clients(), platform.triggers_table),
        JobExecutions(clients(), platform),
        Tasks(clients(), platform.ecs_cluster_arn),
        lambda: datetime.now(UTC),
    )


@cache
def message_runs() -> MessageRuns:
    """Return what starts runs for messages."""
    own = settings()
    return MessageRuns(
        ConcurrencyTable(clients(), own.platform.triggers_table),
        MessageQueues(clients(), own.platform.prefix),
        JobExecutions(clients(), own.platform),
        StacksTable(clients(), own.stacks_table),
        lambda: datetime.now(UTC),
    )
