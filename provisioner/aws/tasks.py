"""The ECS tasks of runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.errors import attempt_each
from provisioner.jobs import stack_name

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.settings import Platform


def started_by(execution_name: str) -> str:
    """Return `startedBy` of an execution's tasks: ECS takes letters, digits, `-`, `_` and `/` only.

    The workflow replaces the rest in the same way.
    """
    return re.sub(r"[^A-Za-z0-9_-]", "-", execution_name)


class Tasks:
    """Tasks of one cluster, known by the execution that started them (`startedBy`)."""

    def __init__(self, clients: Clients, platform: Platform) -> None:
        self._clients = clients
        self._platform = platform

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:
        """Stop what an execution left running; return how many tasks that were."""
        found = self._of(job_name, execution_name)
        return len(attempt_each(found, lambda arn: self._stop(arn, reason)))

    def _stop(self, arn: str, reason: str) -> None:
        cluster = self._platform.ecs_cluster_arn
        with translated():
            self._clients.ecs.stop_task(cluster=cluster, task=arn, reason=reason)

    def _of(self, job_name: str, execution_name: str) -> list[str]:
        """Return a run's tasks that are not being stopped.

        Executions of several jobs may have the same name, and ListTasks takes no other filter
        beside `startedBy`: so the task definition decides.
        """
        cluster = self._platform.ecs_cluster_arn
        family = f"/{stack_name(self._platform.prefix, job_name)}:"
        found: list[str] = []
        with translated():
            listed = self._clients.ecs.get_paginator("list_tasks")
            for page in listed.paginate(cluster=cluster, startedBy=started_by(execution_name)):
                if page["taskArns"]:
                    tasks = self._clients.ecs.describe_tasks(
                        cluster=cluster, tasks=page["taskArns"]
                    )["tasks"]
                    found += [
                        task["taskArn"]
                        for task in tasks
                        if family in task["taskDefinitionArn"]
                        and task["desiredStatus"] != "STOPPED"
                    ]
        return found
