"""The ECS tasks of runs."""

from __future__ import annotations

from provisioner.aws.clients import client, translated


class Tasks:
    """Tasks of one cluster, known by the execution that started them (`startedBy`)."""

    def __init__(self, cluster_arn: str) -> None:
        self._cluster = cluster_arn

    def stop(self, execution_name: str, reason: str) -> int:
        """Stop what an execution has started and left running; return how many tasks that were."""
        with translated():
            arns = client("ecs").list_tasks(
                cluster=self._cluster, startedBy=execution_name, desiredStatus="RUNNING"
            )["taskArns"]
            for arn in arns:
                client("ecs").stop_task(cluster=self._cluster, task=arn, reason=reason)
        return len(arns)
