"""Runs that wait for the lock, and runs that are stopped.

A waiting run is a QUEUED row and its key in a set beside the job's lock, both written in one
transaction by the workflow. A change of either is only a reason to call `start_next`: it reads the
lock again, and starts the first waiting run if the lock is free. Each step can be repeated, and two
callers at the same time do the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from provisioner.errors import ConflictError, NotFoundError, PermanentError
from provisioner.runs.completion import complete
from provisioner.runs.model import OVERLAP, STOPPED, RunStatus, WaitingEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from provisioner.runs.completion import Completed
    from provisioner.runs.model import EndedExecution, FoundRun, Lock, WaitingRun
    from provisioner.runs.ports import Executions, Runs, Stopping
    from provisioner.runs.work import WorkByType


RunKey: TypeAlias = tuple[str, str]
"""`job_name` and `trigger_id`."""


@dataclass(frozen=True, slots=True)
class RunControl:
    """Starts waiting runs, and completes runs whose end was missed."""

    runs: Runs
    executions: Executions
    work: WorkByType
    clock: Callable[[], datetime]

    def start_next(self, job_name: str) -> str | None:
        """Start the next waiting run if the lock is free.

        Returns the name of its execution, None when no run was started.
        """
        while True:
            lock = self._lock(job_name)
            for trigger_id in lock.superseded:
                self._end(job_name, trigger_id, RunStatus.SKIPPED, OVERLAP, _superseded_by(lock))
            if lock.next is None:
                return None
            run = self.runs.waiting(job_name, lock.next)
            if run is None:
                self.runs.remove_waiting(job_name, lock.next)
            elif run.payload is None:
                cause = "Its input could not be stored, or can no longer be read"
                self._end(job_name, run.trigger_id, RunStatus.FAILED, "InputLost", cause)
            elif not lock.is_free(self.clock()):
                if not self._cancelled(job_name, lock):
                    return None
            elif self._started(job_name, run):
                return run.execution_name
            elif not self._ended(job_name, run):
                return None

    def recover(self, job_name: str, queued: Iterable[str]) -> str | None:
        """Make up for lost events of a job with QUEUED runs, then `start_next`.

        A QUEUED run that the lock no longer names is added to it again, and a lock whose execution
        has ended is released.
        """
        lock = self._lock(job_name)
        for trigger_id in queued:
            if trigger_id not in lock.waiting:
                self.runs.add_waiting(job_name, trigger_id)
        if lock.execution_arn is not None and not lock.is_free(self.clock()):
            ended = self.executions.ended(job_name, lock.execution_arn)
            if ended is not None:
                self._complete(lock, ended)
        return self.start_next(job_name)

    def complete_ended(self, run: FoundRun) -> bool:
        """Complete a run that is RUNNING by its row if its execution has ended; True when it has.

        Raises
        ------
        PermanentError
            If its row names no execution.
        """
        if run.execution_arn is None:
            message = f"the row of the run {run.trigger_id} names no execution"
            raise PermanentError(message)
        ended = self.executions.ended(run.job_name, run.execution_arn)
        if ended is None:
            return False
        started_at = run.started_at or ended.started_at
        found = replace(ended, started_at=started_at, waited=run.trigger_id)
        complete(found, self.runs, self.work)
        return True

    def _lock(self, job_name: str) -> Lock:
        lock = self.runs.lock(job_name)
        if lock.damaged:
            self.runs.repair_lock(job_name, lock.damaged)
        return lock.plausible(self.clock())

    def _started(self, job_name: str, run: WaitingRun) -> bool:
        try:
            self.executions.start(job_name, run.execution_name, _input(run))
        except (ConflictError, NotFoundError):
            return False
        return True

    def _ended(self, job_name: str, run: WaitingRun) -> bool:
        """End a waiting run that cannot be started; False when it keeps waiting.

        Either its execution ended before it was admitted, or its state machine is gone.
        """
        arn = self.executions.arn(job_name, run.execution_name)
        ended = self.executions.ended(job_name, arn)
        if ended is None or ended.status is RunStatus.SUCCEEDED:
            return False
        error = ended.error or "NotStarted"
        cause = ended.cause or "The execution ended before it was admitted"
        end = WaitingEnd(ended.status, error, cause, self.clock(), starts=run.starts)
        return self.runs.end_waiting(job_name, run.trigger_id, end)

    def _cancelled(self, job_name: str, lock: Lock) -> bool:
        """Stop the running run if a waiting one cancels it; False while it runs."""
        if lock.cancelling is None or lock.execution_arn is None:
            return False
        if lock.run is not None:
            self.runs.mark_stopping(job_name, lock.run, by="overlap", reason=_superseded_by(lock))
        self.executions.stop(lock.execution_arn, error=STOPPED, cause=_superseded_by(lock))
        ended = self.executions.ended(job_name, lock.execution_arn)
        if ended is None:
            return False
        return self._complete(lock, ended).released_lock

    def _complete(self, lock: Lock, ended: EndedExecution) -> Completed:
        """Complete the run that holds the lock; the lock says which row it has."""
        return complete(replace(ended, waited=lock.run or ended.waited), self.runs, self.work)

    def _end(
        self, job_name: str, trigger_id: str, status: RunStatus, error: str, cause: str
    ) -> None:
        end = WaitingEnd(status, error, cause, self.clock())
        if not self.runs.end_waiting(job_name, trigger_id, end):
            self.runs.remove_waiting(job_name, trigger_id)


def stop(
    runs: Runs, executions: Stopping, run: RunKey, *, by: str, reason: str, now: datetime
) -> RunStatus | None:
    """Stop a waiting or running run; return the status that it had, None without a row.

    The end of a running run is written when Step Functions reports it, after its work was
    stopped. A run that has ended stays as it is.
    """
    while True:
        found = runs.mark_stopping(*run, by=by, reason=reason)
        if found is None:
            return None
        if found.status is RunStatus.RUNNING:
            executions.stop(found.execution_arn, error=STOPPED, cause=reason)
        elif found.status is RunStatus.QUEUED:
            end = WaitingEnd(RunStatus.STOPPED, STOPPED, reason, now, by=by)
            if not runs.end_waiting(*run, end):
                continue
        return found.status


def _superseded_by(lock: Lock) -> str:
    return f"{lock.cancels} took its place"


def _input(run: WaitingRun) -> str:
    """Return the execution's input: the whole payload, and that the run has waited."""
    metadata = {**run.metadata, "waited": run.trigger_id}
    return json.dumps({**(run.payload or {}), "_run": metadata})
