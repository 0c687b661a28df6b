"""The ECS tasks of runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients


def started_by(execution_name: str) -> str:
    """Return `startedBy` of an execution's tasks: ECS takes letters, digits, `-`, `_` and `/` only.

    The workflow replaces the rest in the same way.
    """
    return re.sub(r"[^A-Za-z0-9_-]", "-", execution_name)


class Tasks:
    """Tasks of one cluster, known by the execution that started them (`startedBy`)."""

    def __init__(self, clients: Clients, cluster_arn: str) -> None:
        self._clients = clients
        self._cluster = cluster_arn

    def stop(self, execution_name: str, reason: str) -> int:
        """Stop what an execution left running; return how many tasks that were."""
        with translated():
            pages = self._clients.ecs.get_paginator("list_tasks")
            found = pages.paginate(cluster=self._cluster, startedBy=started_by(execution_name))
            arns = [arn for page in found for arn in page["taskArns"]]
            for arn in arns:
                self._clients.ecs.stop_task(cluster=self._cluster, task=arn, reason=reason)
        return len(arns)
