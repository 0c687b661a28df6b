"""What the steps of a run outside its workflow reach; `provisioner.aws` has the adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from provisioner.runs.cost import Cost, MonthlyCost
    from provisioner.runs.messages import Claim, Limits, Message, Slots
    from provisioner.runs.model import (
        EndedExecution,
        FoundRun,
        Lock,
        OpenRun,
        RunStatus,
        Success,
        WaitingEnd,
        WaitingRun,
    )
    from provisioner.runs.usage import Usage


class Dependants(Protocol):
    """Which jobs run after which, and the runs that decide when."""

    def of(self, job_name: str) -> Mapping[str, tuple[str, ...]]:
        """Return the dependants of a job, each with all jobs that it depends on."""

    def last_started_at(self, job_name: str) -> str:
        """Return when the job's last run that was not skipped came, "" without one; ISO 8601."""

    def last_success(self, job_name: str) -> Success | None:
        """Return the job's last run that succeeded."""


class Runs(Protocol):
    """Rows of runs, and the locks of jobs."""

    def job_type(self, execution: EndedExecution) -> str | None:
        """Return the type that the job had when it was admitted, None if its row says none."""

    def end(self, execution: EndedExecution) -> bool:
        """Write the end of a run unless its row has one; True when it was written.

        One that was still queued is removed from those that wait for the lock.
        """

    def release(self, job_name: str, execution_name: str) -> bool:
        """Release the job's lock if this execution holds it; True when it did."""

    def lock(self, job_name: str) -> Lock:
        """Read the job's lock consistently."""

    def repair_lock(self, job_name: str, damaged: Iterable[str]) -> None:
        """Remove attributes of the wrong type from the job's lock."""

    def waiting(self, job_name: str, trigger_id: str) -> WaitingRun | None:
        """Read a queued run consistently, None when it is no longer queued."""

    def add_waiting(self, job_name: str, trigger_id: str) -> bool:
        """Add a run to those that wait for the lock, if it is QUEUED; False when it is not."""

    def remove_waiting(self, job_name: str, trigger_id: str) -> None:
        """Remove a run from those that wait for the lock, whatever its row says."""

    def end_waiting(self, job_name: str, trigger_id: str, end: WaitingEnd) -> bool:
        """Write the end of a run that never started, and remove it from those that wait.

        False when it is no longer queued, or another of its starts was refused in between.
        """

    def mark_stopping(
        self, job_name: str, trigger_id: str, *, by: str, reason: str
    ) -> OpenRun | None:
        """Note on a running run's row who stops it; return what the row says, None without one."""

    def open(self, status: RunStatus, *, until: datetime) -> Iterable[FoundRun]:
        """Return the runs, of all jobs, that have been RUNNING or QUEUED since before `until`."""


class RunCosts(Protocol):
    """What runs have cost, on their rows, and summed up by job and month."""

    def ended(self, job_name: str, trigger_id: str) -> Mapping[str, Any] | None:
        """Read the row of an ended run consistently; None when there is none."""

    def record(
        self,
        job_name: str,
        trigger_id: str,
        usage: Usage,
        found: Cost | None,
        month: str,
        derived: Mapping[str, object] | None = None,
    ) -> bool:
        """Write what a run has used and cost, and add it to the month; False when that was done.

        Without a figure the run is counted as one that has none. `derived` are attributes to write
        with it.
        """

    def months(self, job_name: str, count: int) -> Sequence[MonthlyCost]:
        """Return what the last months of a job have cost, newest first."""


class Stopping(Protocol):
    """Step Functions, as far as stopping an execution goes."""

    def stop(self, execution_arn: str, *, error: str, cause: str) -> None:
        """Stop an execution; one that has ended stays as it ended."""


class Executions(Stopping, Protocol):
    """Step Functions, as far as the runs of jobs go."""

    def start(self, job_name: str, execution_name: str, execution_input: str) -> str:
        """Start an execution and return its ARN; the same again starts nothing new.

        Raises ConflictError when that name has been used by one that has ended or was given
        another input, NotFoundError when the job has no state machine.
        """

    def ended(self, job_name: str, execution_arn: str) -> EndedExecution | None:
        """Return how an execution ended, None while it runs."""

    def arn(self, job_name: str, execution_name: str) -> str:
        """Return the ARN that an execution of that name has."""

    def has_started(self, job_name: str, execution_name: str) -> bool:
        """Tell whether there is or was an execution of that name, started some seconds ago."""


class TaskDefinitions(Protocol):
    """The revisions of task definitions in this account and Region."""

    def active(self) -> Iterable[str]:
        """Return the ARNs of the revisions that can start tasks."""

    def deregister(self, arn: str) -> None:
        """Deregister a revision, so that it starts no more tasks; harmless if it already is."""


class ReconcileRequests(Protocol):
    """Requests to reconcile a job."""

    def send(self, job_name: str, *, detect_drift: bool) -> None:
        """Have a job reconciled; with `detect_drift`, drift detection of its stack started."""


class ConcurrencySlots(Protocol):
    """The slots of a job's queue: one for each run that messages have started."""

    def acquire(self, job_name: str, run: str, max_concurrency: int, now: datetime) -> bool:
        """Acquire a slot for a run if fewer than `max_concurrency` are in use. Idempotent per run.

        False when none is free.
        """

    def release(self, job_name: str, run: str) -> Slots | None:
        """Release a run's slot and return what is in use then; None when the run had none."""

    def mark_parked(self, job_name: str, now: datetime) -> Slots:
        """Note that messages are parked; return the slots in use at that moment."""

    def clear_parked(self, job_name: str, parked_at: str) -> None:
        """Note that no message is parked, unless one was parked after `parked_at`."""

    def get(self, job_name: str) -> Slots:
        """Read a job's slots consistently."""

    def jobs_with_parked_messages(self, until: datetime) -> Iterable[str]:
        """Return the jobs of which messages have been parked since before `until`."""


class Submissions(Protocol):
    """What has become of messages."""

    def claim(self, job_name: str, message_ids: Sequence[str], run: str) -> Mapping[str, Claim]:
        """Claim messages for a run, all of them or none. Idempotent per run.

        Returns the claims of other runs that prevented it, by message id.
        """

    def withdraw(self, job_name: str, message_id: str, claim: Claim) -> None:
        """Remove a claim, unless it has been made again since it was read."""

    def dead(self, job_name: str, message_id: str, reason: str) -> None:
        """Note why a message starts no run: it is a dead-letter message from now on."""


class QueueLimits(Protocol):
    """What a job's deployed stack says of its queue."""

    def queue_limits(self, job_name: str) -> Limits | None:
        """Return the limits, None while the job is not known to have a queue."""


class MessageQueues(Protocol):
    """A job's queue that starts runs, and the queue beside it where messages are parked."""

    def park(self, job_name: str, message: Message) -> None:
        """Put a message into the waiting queue."""

    def unpark(self, job_name: str, count: int) -> int:
        """Move at most `count` parked messages back to where they start runs; return how many."""

    def send(self, job_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        """Let a message start a run, at the earliest in `delay_seconds`."""

    def is_empty(self, job_name: str) -> bool:
        """Tell whether no message is parked, not even one that has just been received."""

    def hide(self, job_name: str, receipt_handle: str, seconds: int) -> None:
        """Make a message that Lambda received invisible for so many seconds."""


class RunningWork(Protocol):
    """What executions of one type of job start outside themselves, such as ECS tasks."""

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:
        """Stop what an execution left running; return how many pieces that were. Idempotent.

        Executions of several jobs may have the same name.
        """
