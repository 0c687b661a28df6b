"""The Triggers table: a row per run, and each job's lock with the runs that wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb
from provisioner.aws.run_items import (
    end_values,
    lock_of,
    open_run_of,
    pause_of,
    pause_values,
    text_of,
    waiting_end_values,
    waiting_run_of,
)
from provisioner.aws.run_reader import RunReader, item_key
from provisioner.aws.tables import WRITE_BATCH_SIZE, write_batch, written
from provisioner.aws.updates import assignments, update
from provisioner.runs.keys import (
    LOCK,
    LOCK_FIELDS,
    PAUSE,
    RUN_RETENTION_SECONDS,
    Field,
    LockStatus,
    is_trigger_id,
    run_shard,
)
from provisioner.runs.model import (
    FINAL,
    Pause,
    RunStatus,
    iso,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from provisioner.runs.model import (
        EndedExecution,
        Lock,
        OpenRun,
        WaitingEnd,
        WaitingRun,
    )


class TriggersTable(RunReader):
    """Reads runs, and ends those that could not end themselves."""

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
        trigger_id = run.get(Field.TRIGGER_ID, execution.trigger_id)
        end = end_values(execution, run.get(Field.STOP_REASON))
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
        if run.get(Field.STATUS) == RunStatus.QUEUED:
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

        Of a run that has ended in the meantime only the reason of waiting is removed.
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
        if run is None or run.get(Field.STATUS) != RunStatus.QUEUED:
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
        unchanged = {} if end.starts is None else {Field.STARTS: end.starts}
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
        item = item_key(job_name, PAUSE) | pause_values(pause)
        with translated():
            self._clients.dynamodb.put_item(TableName=self._name, Item=to_dynamodb(item))

    def end_pause(self, job_name: str, now: datetime) -> None:
        """Let the failures of a job that is deleted count for no later job of its name.

        The item that says so stays as long as runs do.
        """
        pause = Pause(paused=False, since=iso(now), note="the job was deleted")
        expires_at = int(now.timestamp()) + RUN_RETENTION_SECONDS
        item = item_key(job_name, PAUSE) | pause_values(pause) | {Field.EXPIRES_AT: expires_at}
        # As a batch, which reconcilers may write for dependencies.
        write_batch(self._clients, self._name, [{"PutRequest": {"Item": to_dynamodb(item)}}])

    def prune(self, job_name: str, keep: int) -> int:
        """Delete all ended runs of a job but the last `keep`; return how many that were."""
        runs = self._runs(job_name, "trigger_id, #status")
        ended = [run[Field.TRIGGER_ID] for run in runs if run.get(Field.STATUS) in FINAL]
        for first in range(keep, len(ended), WRITE_BATCH_SIZE):
            keys = [
                item_key(job_name, trigger_id)
                for trigger_id in ended[first : first + WRITE_BATCH_SIZE]
            ]
            requests = [{"DeleteRequest": {"Key": to_dynamodb(key)}} for key in keys]
            with translated():  # what is not deleted this time is next time
                self._clients.dynamodb.batch_write_item(RequestItems={self._name: requests})
        return max(0, len(ended) - keep)

    def _of(self, execution: EndedExecution) -> Item:
        """Return an execution's row, empty if it has none."""
        if execution.waited:
            run = self._get(execution.job_name, execution.waited)
        else:
            run = self.find(execution.job_name, execution.execution_name, execution.started_at)
        return run or {}

    def _update(
        self, job_name: str, trigger_id: str, expression: str, condition: str, **values: object
    ) -> bool:
        """Update an item; False when the condition is not met."""
        request = self._request(job_name, trigger_id, expression, condition, **values)
        return written(self._clients, "update_item", **request) is not None

    def _request(
        self, job_name: str, trigger_id: str, expression: str, condition: str = "", **values: object
    ) -> dict[str, Any]:
        return update(self._name, item_key(job_name, trigger_id), expression, condition, **values)

    def _waiting_set(self, job_name: str, verb: str, trigger_id: str) -> dict[str, Any]:
        return self._request(job_name, LOCK, f"{verb} waiting :run", run={trigger_id})

    def _both(self, *updates: Mapping[str, Any]) -> bool:
        """Make several updates, or none; False when the condition of one is not met."""
        items = [{"Update": each} for each in updates]
        return written(self._clients, "transact_write_items", TransactItems=items) is not None
