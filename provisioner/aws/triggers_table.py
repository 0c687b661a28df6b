"""The Triggers table: a row a run, and each job's lock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from provisioner.aws.clients import client, error_code, translate
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.tables import pages
from provisioner.runs import (
    FIRST_RUN,
    LOCK,
    RUN_RETENTION_SECONDS,
    EndedExecution,
    RunStatus,
    iso,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

# Step Functions' event and the execution's own context may round its start differently.
_START_TOLERANCE = timedelta(seconds=2)


class TriggersTable:
    """Reads runs, and ends those that could not end themselves."""

    def __init__(self, name: str) -> None:
        self._name = name

    def end(self, execution: EndedExecution) -> bool:
        """Write the end of a run, unless its row has one already; True when it was written.

        An execution that died before it was admitted has no row yet: then this makes one.
        """
        run = self.find(execution.job_name, execution.execution_name, execution.started_at)
        values = {
            "status": execution.status,
            "error": execution.error,
            "cause": execution.cause,
            "started_at": iso(execution.started_at),
            "ended_at": iso(execution.ended_at),
            "duration_ms": int(
                (execution.ended_at - execution.started_at) / timedelta(milliseconds=1)
            ),
            "execution_arn": execution.execution_arn,
        }
        expires_at = int(execution.started_at.timestamp()) + RUN_RETENTION_SECONDS
        kept = {name: value for name, value in values.items() if value is not None}
        key = {
            "job_name": execution.job_name,
            "trigger_id": run["trigger_id"] if run else execution.trigger_id,
        }
        return self._conditionally(
            "update_item",
            Key=to_dynamodb(key),
            UpdateExpression="SET expires_at = if_not_exists(expires_at, :expires_at), "
            + ", ".join(f"#{name} = :{name}" for name in kept),
            ConditionExpression="attribute_not_exists(#status) OR #status = :running",
            ExpressionAttributeNames={f"#{name}": name for name in kept},
            ExpressionAttributeValues=to_dynamodb(
                {f":{name}": value for name, value in kept.items()}
                | {":running": RunStatus.RUNNING, ":expires_at": expires_at}
            ),
        )

    def release(self, job_name: str, execution_name: str) -> bool:
        """Free the job's lock if this execution holds it; True when it did."""
        return self._conditionally(
            "delete_item",
            Key=to_dynamodb({"job_name": job_name, "trigger_id": LOCK}),
            ConditionExpression="#owner = :execution",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_dynamodb({":execution": execution_name}),
        )

    def find(self, job_name: str, execution_name: str, started_at: datetime) -> Item | None:
        """Return the row of an execution, None when it has none."""
        runs = self._query(
            "#job = :job AND trigger_id BETWEEN :first AND :last",
            {
                ":job": job_name,
                ":first": iso(started_at - _START_TOLERANCE),
                ":last": iso(started_at + _START_TOLERANCE) + "~",
            },
            ConsistentRead=True,
        )
        for run in runs:
            if run["trigger_id"].endswith(f"#{execution_name}"):
                return run
        return None

    def latest(self, job_name: str, count: int) -> list[Item]:
        """Return a job's last runs, newest first."""
        response = client("dynamodb").query(
            TableName=self._name,
            KeyConditionExpression="#job = :job AND trigger_id > :first",
            ExpressionAttributeNames={"#job": "job_name"},
            ExpressionAttributeValues=to_dynamodb({":job": job_name, ":first": FIRST_RUN}),
            ScanIndexForward=False,
            Limit=count,
        )
        return [to_plain(raw) for raw in response["Items"]]

    def running(self, *, until: datetime) -> Iterator[Item]:
        """Yield the runs, of all jobs, that are RUNNING and began before `until`."""
        return pages(
            "query",
            TableName=self._name,
            IndexName="by_status",
            KeyConditionExpression="#status = :running AND started_at <= :until",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb(
                {":running": RunStatus.RUNNING, ":until": iso(until)}
            ),
        )

    def _query(self, condition: str, values: Item, **request: Any) -> Iterator[Item]:  # noqa: ANN401
        return pages(
            "query",
            TableName=self._name,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#job": "job_name"},
            ExpressionAttributeValues=to_dynamodb(values),
            **request,
        )

    def _conditionally(self, operation: str, **request: Any) -> bool:  # noqa: ANN401
        try:
            getattr(client("dynamodb"), operation)(TableName=self._name, **request)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise translate(error) from error
        return True
