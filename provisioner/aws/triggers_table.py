"""The Triggers table: a row a run, and each job's lock with the runs that wait for it."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.run_items import (
    found_run_of,
    lock_of,
    open_run_of,
    waiting_run_of,
)
from provisioner.aws.tables import pages, written
from provisioner.runs.keys import (
    BY_STATUS,
    FIRST_RUN,
    LOCK,
    LOCK_FIELDS,
    PAUSE,
    RUN_RETENTION_SECONDS,
    LockStatus,
    PauseStatus,
    is_trigger_id,
)
from provisioner.runs.model import (
    FINAL,
    STOPPED,
    EndedExecution,
    Pause,
    RunStatus,
    Source,
    iso,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.runs.model import FoundRun, Lock, OpenRun, WaitingEnd, WaitingRun

# Step Functions' event and the execution's own context may round its start differently.
_START_TOLERANCE = timedelta(seconds=2)

SEARCHED_RUNS = 1000
"""How many of a job's last runs are searched for those by schedule."""

_BATCH = 25
"""DynamoDB, BatchWriteItem: the most items of one request."""


def _key(job_name: str, trigger_id: str) -> Item:
    return to_dynamodb({"job_name": job_name, "trigger_id": trigger_id})


class TriggersTable:
    """Reads runs, and ends those that could not end themselves."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def end(self, execution: EndedExecution) -> bool:
        """Write the end of a run, unless its row has one already; True when it was written.

        An execution that died before it was admitted has no row yet: then this makes one.
        """
        if execution.waited:
            run = self._get(execution.job_name, execution.waited)
        else:
            run = self.find(execution.job_name, execution.execution_name, execution.started_at)
        run = run or {}
        reason = run.get("stop_reason") if execution.status is RunStatus.STOPPED else None
        values = {
            "status": execution.status,
            "error": execution.error or (reason and STOPPED),
            "cause": execution.cause or reason,
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
            "trigger_id": run.get("trigger_id", execution.trigger_id),
        }
        return self._conditionally(
            "update_item",
            Key=to_dynamodb(key),
            UpdateExpression="SET expires_at = if_not_exists(expires_at, :expires_at), "
            + ", ".join(f"#{name} = :{name}" for name in kept),
            ConditionExpression="attribute_not_exists(#status) OR #status IN (:running, :queued)",
            ExpressionAttributeNames={f"#{name}": name for name in kept},
            ExpressionAttributeValues=to_dynamodb(
                {f":{name}": value for name, value in kept.items()}
                | {
                    ":running": RunStatus.RUNNING,
                    ":queued": RunStatus.QUEUED,
                    ":expires_at": expires_at,
                }
            ),
        )

    def release(self, job_name: str, execution_name: str) -> bool:
        """Release the job's lock if this execution holds it; True when it did."""
        return self._conditionally(
            "update_item",
            Key=_key(job_name, LOCK),
            UpdateExpression="SET #status = :free "
            "REMOVE #owner, execution_arn, run_id, lease_until",
            ConditionExpression="#owner = :execution",
            ExpressionAttributeNames={"#owner": "owner", "#status": "status"},
            ExpressionAttributeValues=to_dynamodb(
                {":execution": execution_name, ":free": LockStatus.FREE}
            ),
        )

    def lock(self, job_name: str) -> Lock:
        """Read the job's lock consistently; it is free as long as there is none."""
        return lock_of(self._get(job_name, LOCK) or {})

    def repair_lock(self, job_name: str, damaged: Iterable[str]) -> None:
        """Remove attributes of the wrong type from the job's lock."""
        for name in damaged:
            self._conditionally(
                "update_item",
                Key=_key(job_name, LOCK),
                UpdateExpression="REMOVE #name",
                ConditionExpression="NOT attribute_type(#name, :type)",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues=to_dynamodb({":type": LOCK_FIELDS[name]}),
            )

    def waiting(self, job_name: str, trigger_id: str) -> WaitingRun | None:
        """Read a queued run consistently, None when it is no longer queued."""
        run = self._get(job_name, trigger_id) if is_trigger_id(trigger_id) else None
        if run is None or run.get("status") != RunStatus.QUEUED:
            return None
        return waiting_run_of(self._clients, run)

    def remove_waiting(self, job_name: str, trigger_id: str) -> None:
        """Remove a run from those that wait for the lock, whatever its row says."""
        with translated():
            self._clients.dynamodb.update_item(**self._leave(job_name, trigger_id))

    def add_waiting(self, job_name: str, trigger_id: str) -> bool:
        """Add a run to those that wait for the lock, if it is QUEUED; False when it is not."""
        queued = {
            "TableName": self._name,
            "Key": _key(job_name, trigger_id),
            "UpdateExpression": "SET #status = :queued",
            "ConditionExpression": "#status = :queued",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_dynamodb({":queued": RunStatus.QUEUED}),
        }
        join = {**self._leave(job_name, trigger_id), "UpdateExpression": "ADD waiting :run"}
        return self._both(queued, join)

    def end_waiting(self, job_name: str, trigger_id: str, end: WaitingEnd) -> bool:
        """Write the end of a run that never started, and remove it from those that wait.

        False when it is no longer queued, or was started once more since `end.starts`.
        """
        if not is_trigger_id(trigger_id):
            return False
        values = {
            "status": end.status,
            "error": end.error,
            "cause": end.cause,
            "ended_at": iso(end.at),
            "stopped_by": end.by,
        }
        kept = {name: value for name, value in values.items() if value is not None}
        condition = "#status = :queued"
        conditional: Item = {":queued": RunStatus.QUEUED}
        if end.starts is not None:
            condition += " AND starts = :starts"
            conditional[":starts"] = end.starts
        update = {
            "TableName": self._name,
            "Key": _key(job_name, trigger_id),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in kept),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in kept},
            "ExpressionAttributeValues": to_dynamodb(
                {f":{name}": value for name, value in kept.items()} | conditional
            ),
        }
        return self._both(update, self._leave(job_name, trigger_id))

    def mark_stopping(
        self, job_name: str, trigger_id: str, *, by: str, reason: str
    ) -> OpenRun | None:
        """Note on a running run's row who stops it; return what the row says, None without one."""
        self._conditionally(
            "update_item",
            Key=_key(job_name, trigger_id),
            UpdateExpression="SET stopped_by = :by, stop_reason = :reason",
            ConditionExpression="#status = :running",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb(
                {":by": by, ":reason": reason, ":running": RunStatus.RUNNING}
            ),
        )
        run = self._get(job_name, trigger_id)
        return open_run_of(run) if run else None

    def pause(self, job_name: str) -> Pause | None:
        """Return whether the job's schedule is paused, None when it never was."""
        item = self._get(job_name, PAUSE)
        if item is None:
            return None
        since, note = (str(item.get(name, "")) for name in ("since", "note"))
        return Pause(item.get("status") == PauseStatus.PAUSED, since, note)

    def set_pause(self, job_name: str, pause: Pause) -> None:
        """Pause or resume the job's schedule."""
        item = {
            "job_name": job_name,
            "trigger_id": PAUSE,
            "status": PauseStatus.PAUSED if pause.paused else PauseStatus.RESUMED,
            "since": pause.since,
            "note": pause.note,
        }
        with translated():
            self._clients.dynamodb.put_item(TableName=self._name, Item=to_dynamodb(item))

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
        """Return a job's last runs whole, newest first: for people, few at a time."""
        runs = self._query(
            "#job = :job AND trigger_id > :first",
            {":job": job_name, ":first": FIRST_RUN},
            ScanIndexForward=False,
            Limit=count,
        )
        return list(islice(runs, count))

    def scheduled(self, job_name: str, count: int) -> list[Item]:
        """Return the last runs by schedule among a job's last runs, as `last` gives them."""
        searched = self.last(job_name, SEARCHED_RUNS)
        return list(
            islice((run for run in searched if run.get("source") == Source.SCHEDULE), count)
        )

    def last(self, job_name: str, count: int) -> Iterator[Item]:
        """Yield a job's last runs, newest first, without what may be large: input and output."""
        runs = self._query(
            "#job = :job AND trigger_id > :first",
            {":job": job_name, ":first": FIRST_RUN},
            ScanIndexForward=False,
            ProjectionExpression="trigger_id, #status, #source, scheduled_for, started_at, "
            "duration_ms, #error, cause",
            names={"#status": "status", "#source": "source", "#error": "error"},
        )
        return islice(runs, count)

    def prune(self, job_name: str, keep: int) -> int:
        """Delete all ended runs of a job but the last `keep`; return how many that were."""
        runs = self._query(
            "#job = :job AND trigger_id > :first",
            {":job": job_name, ":first": FIRST_RUN},
            ScanIndexForward=False,
            ProjectionExpression="trigger_id, #status",
            names={"#status": "status"},
        )
        ended = [run["trigger_id"] for run in runs if run.get("status") in FINAL]
        for first in range(keep, len(ended), _BATCH):
            keys = [_key(job_name, trigger_id) for trigger_id in ended[first : first + _BATCH]]
            with translated():  # what is not deleted this time is next time
                self._clients.dynamodb.batch_write_item(
                    RequestItems={self._name: [{"DeleteRequest": {"Key": key}} for key in keys]}
                )
        return max(0, len(ended) - keep)

    def open(self, status: RunStatus, *, until: datetime) -> Iterator[FoundRun]:
        """Yield the runs, of all jobs, that have been RUNNING or QUEUED since before `until`."""
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            IndexName=BY_STATUS,
            KeyConditionExpression="#status = :status AND started_at <= :until",
            ProjectionExpression="job_name, trigger_id, execution_arn, started_at",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb({":status": status, ":until": iso(until)}),
        )
        return (found_run_of(item) for item in found if is_trigger_id(item["trigger_id"]))

    def _get(self, job_name: str, trigger_id: str) -> Item | None:
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name, Key=_key(job_name, trigger_id), ConsistentRead=True
            )
        return to_plain(found["Item"]) if "Item" in found else None

    def _both(self, *updates: Mapping[str, Any]) -> bool:
        """Make several updates, or none; False when the condition of one is not met."""
        items = [{"Update": update} for update in updates]
        return written(self._clients, "transact_write_items", TransactItems=items) is not None

    def _leave(self, job_name: str, trigger_id: str) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Key": _key(job_name, LOCK),
            "UpdateExpression": "DELETE waiting :run",
            "ExpressionAttributeValues": {":run": {"SS": [trigger_id]}},
        }

    def _query(
        self,
        condition: str,
        values: Item,
        names: Mapping[str, str] | None = None,
        **request: Any,  # noqa: ANN401  (DynamoDB's own)
    ) -> Iterator[Item]:
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#job": "job_name", **(names or {})},
            ExpressionAttributeValues=to_dynamodb(values),
            **request,
        )

    def _conditionally(self, operation: str, **request: Any) -> bool:  # noqa: ANN401
        return written(self._clients, operation, TableName=self._name, **request) is not None
