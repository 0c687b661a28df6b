"""Task definitions of ECS, and job definitions of Batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.aws.clients import Clients


class TaskDefinitions:
    """The revisions of definitions in this account and Region, the jobs' and all others."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def active(self) -> Iterator[str]:
        """Yield the ARNs of those that start tasks."""
        with translated():
            for page in self._clients.ecs.get_paginator("list_task_definitions").paginate(
                status="ACTIVE"
            ):
                yield from page["taskDefinitionArns"]
            for page in self._clients.batch.get_paginator("describe_job_definitions").paginate(
                status="ACTIVE"
            ):
                yield from (found["jobDefinitionArn"] for found in page["jobDefinitions"])

    def deregister(self, arn: str) -> None:
        """Let a revision start no more tasks; one that does not by now stays so."""
        with translated():
            if arn.split(":")[2] == "batch":
                self._clients.batch.deregister_job_definition(jobDefinition=arn)
            else:
                self._clients.ecs.deregister_task_definition(taskDefinition=arn)
