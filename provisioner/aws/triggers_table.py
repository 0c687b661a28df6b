"""The Triggers table: a row a run, and each job's lock with the runs that wait for it."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.run_items import (
    end_values,
    found_run_of,
    lock_of,
    open_run_of,
    pause_of,
    pause_values,
    text_of,
    waiting_end_values,
    waiting_run_of,
)
from provisioner.aws.tables import WRITE_BATCH_SIZE, pages, write_batch, written
from provisioner.aws.updates import assignments, names, update
from provisioner.runs.keys import (
    BY_STATUS,
    FIRST_RUN,
    LIST_FIELDS,
    LOCK,
    LOCK_FIELDS,
    PAUSE,
    RUN_RETENTION_SECONDS,
    Field,
    LockStatus,
    execution_name_of,
    is_trigger_id,
    run_shard,
)
from provisioner.runs.model import (
    FINAL,
    Pause,
    RunStatus,
    Source,
    iso,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.runs.model import (
        EndedExecution,
        FoundRun,
        Lock,
        OpenRun,
        WaitingEnd,
        WaitingRun,
    )

# Step Functions' event and the execution's own context may round its start differently.
_START_TOLERANCE = timedelta(seconds=2)

SEARCHED_RUNS = 1000
"""How many of a job's last runs are searched for those by schedule."""

SEARCHED_MEGABYTES = 3
"""Answers of DynamoDB that a search for a run's name reads: each ends after a megabyte."""


class TriggersTable:
    """Reads runs, and ends those that could not end themselves."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def job_type(self, execution: EndedExecution) -> str | None:
        """Return the type that the job had when it was admitted, None if its row says none."""
        return text_of(self._of(execution).get(Field.TYPE))

    def end(self, execution: EndedExecution) -> bool:
        """Write the end of a run, unless its row has one already; True when it was written.

        An execution that died before it was admitted has no row yet: then this makes one. If its
        run was still queued, it waits for the lock no longer: a lock that names a run which is no
        more would make later ones wait, or be skipped, forever.
        """
        run = self._of(execution)
        trigger_id = run.get("trigger_id", execution.trigger_id)
        end = end_values(execution, run.get("stop_reason"))
        expires_at = int(execution.started_at.timestamp()) + RUN_RETENTION_SECONDS
        ended = self._request(
            execution.job_name,
            trigger_id,
            "SET expires_at = if_not_exists(expires_at, :expires_at), "
            f"run_shard = if_not_exists(run_shard, :run_shard), {assignments(end)}",
            "attribute_not_exists(#status) OR #status IN (:running, :queued)",
            running=RunStatus.RUNNING,
            queued=RunStatus.QUEUED,
            expires_at=expires_at,
            run_shard=run_shard(trigger_id),
            **end,
        )
        if run.get("status") == RunStatus.QUEUED:
            waiting = self._waiting_set(execution.job_name, "DELETE", trigger_id)
            return self._both(ended, waiting)
        return written(self._clients, "update_item", **ended) is not None

    def note_pending(self, job_name: str, trigger_id: str, reason: str, at: str) -> bool:
        """Note why a running run's work has not begun; False when newer is known, or it has ended.

        `at` is when that was so, as AWS Batch's events have it.
        """
        return self._update(
            job_name,
            trigger_id,
            "SET pending_reason = :reason, pending_at = :at",
            "#status = :running AND (attribute_not_exists(pending_at) OR pending_at < :at)",
            running=RunStatus.RUNNING,
            reason=reason,
            at=at,
        )

    def note_begun(
        self, job_name: str, trigger_id: str, at: str, log_stream: str | None = None
    ) -> bool:
        """Note that a run's work has begun, and where it logs; False when newer is known.

        Of a run that has ended meanwhile only the reason of waiting is removed.
        """
        if log_stream is not None and self._update(
            job_name,
            trigger_id,
            "SET pending_at = :at, log_stream = :log_stream REMOVE pending_reason",
            "#status = :running AND (attribute_not_exists(pending_at) OR pending_at <= :at)",
            running=RunStatus.RUNNING,
            at=at,
            log_stream=log_stream,
        ):
            return True
        return self._update(
            job_name,
            trigger_id,
            "SET pending_at = :at REMOVE pending_reason",
            "(#status = :running OR attribute_exists(pending_reason)) "
            "AND (attribute_not_exists(pending_at) OR pending_at <= :at)",
            running=RunStatus.RUNNING,
            at=at,
        )

    def release(self, job_name: str, execution_name: str) -> bool:
        """Release the job's lock if this execution holds it; True when it did."""
        return self._update(
            job_name,
            LOCK,
            "SET #status = :free REMOVE #owner, execution_arn, run_id, lease_until",
            "#owner = :execution",
            execution=execution_name,
            free=LockStatus.FREE,
        )

    def lock(self, job_name: str) -> Lock:
        """Read the job's lock consistently; it is free as long as there is none."""
        return lock_of(self._get(job_name, LOCK) or {})

    def repair_lock(self, job_name: str, damaged: Iterable[str]) -> None:
        """Remove attributes of the wrong type from the job's lock."""
        for name in damaged:
            condition = f"NOT attribute_type(#{name}, :type)"
            self._update(job_name, LOCK, f"REMOVE #{name}", condition, type=LOCK_FIELDS[name])

    def waiting(self, job_name: str, trigger_id: str) -> WaitingRun | None:
        """Read a queued run consistently, None when it is no longer queued."""
        run = self._get(job_name, trigger_id) if is_trigger_id(trigger_id) else None
        if run is None or run.get("status") != RunStatus.QUEUED:
            return None
        return waiting_run_of(self._clients, run)

    def add_waiting(self, job_name: str, trigger_id: str) -> bool:
        """Add a run to those that wait for the lock, if it is QUEUED; False when it is not."""
        queued = self._request(
            job_name,
            trigger_id,
            "SET #status = :queued",
            "#status = :queued",
            queued=RunStatus.QUEUED,
        )
        return self._both(queued, self._waiting_set(job_name, "ADD", trigger_id))

    def remove_waiting(self, job_name: str, trigger_id: str) -> None:
        """Remove a run from those that wait for the lock, whatever its row says."""
        with translated():
            self._clients.dynamodb.update_item(**self._waiting_set(job_name, "DELETE", trigger_id))

    def end_waiting(self, job_name: str, trigger_id: str, end: WaitingEnd) -> bool:
        """Write the end of a run that never started, and remove it from those that wait.

        False when it is no longer queued, or was started once more since `end.starts`.
        """
        if not is_trigger_id(trigger_id):
            return False
        values = waiting_end_values(end)
        unchanged = {} if end.starts is None else {"starts": end.starts}
        row = self._request(
            job_name,
            trigger_id,
            f"SET {assignments(values)}",
            "#status = :queued" + (" AND starts = :starts" if unchanged else ""),
            queued=RunStatus.QUEUED,
            **values,
            **unchanged,
        )
        return self._both(row, self._waiting_set(job_name, "DELETE", trigger_id))

    def mark_stopping(
        self, job_name: str, trigger_id: str, *, by: str, reason: str
    ) -> OpenRun | None:
        """Note on a running run's row who stops it; return what the row says, None without one."""
        self._update(
            job_name,
            trigger_id,
            "SET stopped_by = :by, stop_reason = :reason",
            "#status = :running",
            by=by,
            reason=reason,
            running=RunStatus.RUNNING,
        )
        run = self._get(job_name, trigger_id)
        return open_run_of(run) if run else None

    def pause(self, job_name: str) -> Pause | None:
        """Return whether the job's schedule is paused, None when it never was."""
        item = self._get(job_name, PAUSE)
        return pause_of(item) if item else None

    def set_pause(self, job_name: str, pause: Pause) -> None:
        """Pause or resume the job's schedule."""
        item = _key(job_name, PAUSE) | pause_values(pause)
        with translated():
            self._clients.dynamodb.put_item(TableName=self._name, Item=to_dynamodb(item))

    def end_pause(self, job_name: str, now: datetime) -> None:
        """Let the failures of a job that is deleted count for no later job of its name.

        The item that says so stays as long as runs do.
        """
        pause = Pause(paused=False, since=iso(now), note="the job was deleted")
        expires_at = int(now.timestamp()) + RUN_RETENTION_SECONDS
        item = _key(job_name, PAUSE) | pause_values(pause) | {Field.EXPIRES_AT: expires_at}
        # As a batch, which reconcilers may write for dependencies.
        write_batch(self._clients, self._name, [{"PutRequest": {"Item": to_dynamodb(item)}}])

    def find(self, job_name: str, execution_name: str, started_at: datetime) -> Item | None:
        """Return the row of an execution, None when it has none."""
        values = {
            ":job": job_name,
            ":first": iso(started_at - _START_TOLERANCE),
            ":last": iso(started_at + _START_TOLERANCE) + "~",
        }
        runs = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :last",
            ExpressionAttributeValues=to_dynamodb(values),
            ConsistentRead=True,
        )
        for run in runs:
            if run["trigger_id"].endswith(f"#{execution_name}"):
                return run
        return None

    def named(self, job_name: str, execution_name: str) -> Item | None:
        """Return the row of a run by its name alone, None when it is not among the last ones.

        For a run whose execution Step Functions does not know. DynamoDB reads whole rows, so the
        search ends after so many megabytes, whatever inputs the job's runs have.
        """
        start: dict[str, Any] = {}
        for _ in range(SEARCHED_MEGABYTES):
            with translated():
                found = self._clients.dynamodb.query(
                    TableName=self._name,
                    KeyConditionExpression="job_name = :job AND trigger_id > :first",
                    ExpressionAttributeValues=to_dynamodb({":job": job_name, ":first": FIRST_RUN}),
                    ProjectionExpression="trigger_id",
                    ScanIndexForward=False,
                    Limit=SEARCHED_RUNS,
                    **start,
                )
            for key in map(to_plain, found["Items"]):
                if execution_name_of(key["trigger_id"]) == execution_name:
                    return self._get(job_name, key["trigger_id"])
            if "LastEvaluatedKey" not in found:
                return None
            start = {"ExclusiveStartKey": found["LastEvaluatedKey"]}
        return None

    def run(self, job_name: str, trigger_id: str) -> Item | None:
        """Read a run's row whole and consistently, None when there is none."""
        return self._get(job_name, trigger_id) if is_trigger_id(trigger_id) else None

    def latest(
        self, job_name: str, count: int, *, since: str = "", status: RunStatus | None = None
    ) -> list[Item]:
        """Return a job's last runs whole, newest first: for people, few at a time.

        Parameters
        ----------
        since
            ISO 8601; "" for all rows.
        """
        # A limit would count what a filter leaves out: of a long history, a request for each few.
        only = {"Limit": count} if status is None else {"FilterExpression": "#status = :status"}
        return list(islice(self._runs(job_name, since=since, status=status, **only), count))

    def page(
        self,
        job_name: str,
        count: int,
        *,
        since: str = "",
        before: str = "",
        status: RunStatus | None = None,
    ) -> tuple[list[Item], str | None]:
        """Return a job's next runs as a list shows them, and the key before which more follow.

        It is one query. With a status there may be fewer than `count`, or none, although more
        follow.

        Parameters
        ----------
        since
            ISO 8601; "" for all rows.
        before
            The key that the page before this one returned; "" for the newest.
        """
        first = since or FIRST_RUN
        if before and before <= first:  # DynamoDB refuses to begin outside of the bounds
            return [], None
        fields = ", ".join(f"#{name}" for name in ("job_name", "trigger_id", *LIST_FIELDS))
        values = {":job": job_name, ":first": first}
        request: dict[str, Any] = {"Limit": count}
        if status is not None:  # a limit would count what the filter leaves out
            request = {"FilterExpression": "#status = :status"}
            values[":status"] = status
        if before:
            request["ExclusiveStartKey"] = to_dynamodb(_key(job_name, before))
        with translated():
            found = self._clients.dynamodb.query(
                TableName=self._name,
                KeyConditionExpression="job_name = :job AND trigger_id > :first",
                ExpressionAttributeValues=to_dynamodb(values),
                ProjectionExpression=fields,
                ScanIndexForward=False,
                **names(fields),
                **request,
            )
        runs = [to_plain(raw) for raw in found["Items"]]
        if len(runs) > count:
            return runs[:count], str(runs[count - 1]["trigger_id"])
        end = to_plain(found.get("LastEvaluatedKey", {}))
        return runs, end.get("trigger_id")

    def begun_before(self, job_name: str, moment: str, count: int) -> list[Item]:
        """Return the last runs of a job that came before a time, consistently: when each ran.

        Parameters
        ----------
        moment
            ISO 8601.
        """
        attributes = "trigger_id, #status, started_at, ended_at"
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :moment",
            ExpressionAttributeValues=to_dynamodb(
                {":job": job_name, ":first": FIRST_RUN, ":moment": moment}
            ),
            ProjectionExpression=attributes,
            **names(attributes),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=count,
        )
        return list(islice(found, count))

    def begun_since(self, job_name: str, moment: str, count: int) -> Iterator[Item]:
        """Yield a job's first runs after a time, oldest first, consistently: how each has ended.

        Parameters
        ----------
        moment
            ISO 8601.
        """
        attributes = "trigger_id, #status, ended_at, #error"
        runs = self._runs(
            job_name, attributes, moment, ScanIndexForward=True, ConsistentRead=True, Limit=count
        )
        return islice(runs, count)

    def scheduled(self, job_name: str, count: int) -> list[Item]:
        """Return the last runs by schedule among a job's last runs, as `last` gives them."""
        searched = self.last(job_name, SEARCHED_RUNS)
        return list(
            islice((run for run in searched if run.get("source") == Source.SCHEDULE), count)
        )

    def last(self, job_name: str, count: int) -> Iterator[Item]:
        """Yield a job's last runs, newest first, without what may be large: input and output."""
        runs = self._runs(
            job_name,
            "trigger_id, #status, #source, scheduled_for, started_at, ended_at, duration_ms, "
            "#error, cause",
        )
        return islice(runs, count)

    def prune(self, job_name: str, keep: int) -> int:
        """Delete all ended runs of a job but the last `keep`; return how many that were."""
        runs = self._runs(job_name, "trigger_id, #status")
        ended = [run["trigger_id"] for run in runs if run.get("status") in FINAL]
        for first in range(keep, len(ended), WRITE_BATCH_SIZE):
            keys = [
                _key(job_name, trigger_id) for trigger_id in ended[first : first + WRITE_BATCH_SIZE]
            ]
            requests = [{"DeleteRequest": {"Key": to_dynamodb(key)}} for key in keys]
            with translated():  # what is not deleted this time is next time
                self._clients.dynamodb.batch_write_item(RequestItems={self._name: requests})
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

    def _of(self, execution: EndedExecution) -> Item:
        """Return an execution's row, empty if it has none."""
        if execution.waited:
            run = self._get(execution.job_name, execution.waited)
        else:
            run = self.find(execution.job_name, execution.execution_name, execution.started_at)
        return run or {}

    def _get(self, job_name: str, trigger_id: str) -> Item | None:
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name,
                Key=to_dynamodb(_key(job_name, trigger_id)),
                ConsistentRead=True,
            )
        return to_plain(found["Item"]) if "Item" in found else None

    def _update(
        self, job_name: str, trigger_id: str, expression: str, condition: str, **values: object
    ) -> bool:
        """Update an item; False when the condition is not met."""
        request = self._request(job_name, trigger_id, expression, condition, **values)
        return written(self._clients, "update_item", **request) is not None

    def _request(
        self, job_name: str, trigger_id: str, expression: str, condition: str = "", **values: object
    ) -> dict[str, Any]:
        return update(self._name, _key(job_name, trigger_id), expression, condition, **values)

    def _waiting_set(self, job_name: str, verb: str, trigger_id: str) -> dict[str, Any]:
        return self._request(job_name, LOCK, f"{verb} waiting :run", run={trigger_id})

    def _both(self, *updates: Mapping[str, Any]) -> bool:
        """Make several updates, or none; False when the condition of one is not met."""
        items = [{"Update": each} for each in updates]
        return written(self._clients, "transact_write_items", TransactItems=items) is not None

    def _runs(
        self,
        job_name: str,
        attributes: str = "",
        since: str = "",
        status: RunStatus | None = None,
        **request: Any,  # noqa: ANN401
    ) -> Iterator[Item]:
        """Yield a job's runs, newest first unless asked otherwise, whole or as some attributes."""
        values: dict[str, object] = {":job": job_name, ":first": since or FIRST_RUN}
        if status is not None:
            values[":status"] = status
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id > :first",
            ExpressionAttributeValues=to_dynamodb(values),
            **({"ProjectionExpression": attributes} if attributes else {}),
            **names(attributes, "" if status is None else "#status"),
            **{"ScanIndexForward": False, **request},
        )


def _key(job_name: str, trigger_id: str) -> dict[str, str]:
    return {"job_name": job_name, "trigger_id": trigger_id}
