"""Every five minutes: what no event came for. Costs as much as there is to repair."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from provisioner.aws import executions
from provisioner.aws.queue import ReconcileQueue
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.tasks import Tasks
from provisioner.aws.triggers_table import TriggersTable
from provisioner.completion import complete
from provisioner.errors import ProvisionerError
from provisioner.settings import Settings
from provisioner.stack import JobStatus

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()

STUCK_AFTER = timedelta(minutes=15)
"""A row that nothing has touched for so long has missed its event, or has a slow resource."""

_UNFINISHED = (
    JobStatus.PENDING,
    JobStatus.CREATING,
    JobStatus.UPDATING,
    JobStatus.DELETING,
    JobStatus.RETRYING,
)


@cache
def _settings() -> Settings:
    return Settings.from_environ(os.environ)


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """Queue the jobs that are stuck, and complete the runs whose end nobody told."""
    until = datetime.now(UTC) - STUCK_AFTER
    stuck = _queue_stuck_jobs(until)
    ended = _complete_ended_runs(until)
    logger.info("swept", stuck_jobs=stuck, ended_runs=ended)


def _queue_stuck_jobs(until: datetime) -> int:
    queue = ReconcileQueue(_settings().reconcile_queue_url)
    stacks = StacksTable(_settings().stacks_table)
    count = 0
    for status in _UNFINISHED:
        for record in stacks.by_status(status, until=until):
            queue.send(record.job_name)
            count += 1
    return count


def _complete_ended_runs(until: datetime) -> int:
    platform = _settings().platform
    runs = TriggersTable(platform.triggers_table)
    tasks = Tasks(platform.ecs_cluster_arn)
    count = 0
    for run in runs.running(until=until):
        try:
            execution = executions.ended(run["job_name"], run["execution_arn"])
            if execution is not None:
                started_at = datetime.fromisoformat(run["started_at"])
                complete(replace(execution, started_at=started_at), runs, tasks)
                count += 1
        except ProvisionerError:
            logger.exception("ending a run failed", job_name=run["job_name"])
    return count
