"""What the steps of a run outside its workflow reach; `provisioner.aws` has their adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from provisioner.runs.messages import Limits, Message
    from provisioner.runs.messages import Places as Taken
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


class Dependants(Protocol):
    """Which jobs wait for which, and what they wait for."""

    def of(self, job_name: str) -> Mapping[str, tuple[str, ...]]:
        """Return the jobs that wait for one, each with all that it waits for."""

    def last_asked(self, job_name: str) -> str:
        """Return when the job was last asked to run, "" when it never was; ISO 8601."""

    def last_success(self, job_name: str) -> Success | None:
        """Return the job's last run that went well."""


class Runs(Protocol):
    """Rows and locks of runs."""

    def end(self, execution: EndedExecution) -> bool:
        """Write the end of a run unless its row has one; True when it was written."""

    def release(self, job_name: str, execution_name: str) -> bool:
        """Free the job's lock if this execution holds it; True when it did."""

    def lock(self, job_name: str) -> Lock:
        """Read the job's lock consistently."""

    def mend(self, job_name: str, damaged: Iterable[str]) -> None:
        """Remove from the job's lock what has a type that is not its own."""

    def waiting(self, job_name: str, trigger_id: str) -> WaitingRun | None:
        """Read a queued run consistently, None when it is no longer queued."""

    def put_back(self, job_name: str, trigger_id: str) -> bool:
        """Put a run among those that wait, if it is QUEUED; False when it is not."""

    def open(self, status: RunStatus, *, until: datetime) -> Iterable[FoundRun]:
        """Return the runs, of all jobs, that are RUNNING or QUEUED since before `until`."""

    def forget(self, job_name: str, trigger_id: str) -> None:
        """Take a run out of those that wait, whatever its row says."""

    def end_waiting(self, job_name: str, trigger_id: str, end: WaitingEnd) -> bool:
        """Write the end of a run that never started and take it out of those that wait.

        False when it is no longer queued, or was started in vain once more.
        """

    def mark_stopping(
        self, job_name: str, trigger_id: str, *, by: str, reason: str
    ) -> OpenRun | None:
        """Note on a running run's row who stops it; return what the row says, None without one."""


class Stopping(Protocol):
    """Step Functions, as far as stopping goes."""

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


class TaskDefinitions(Protocol):
    """The revisions of task definitions in this account and Region."""

    def active(self) -> Iterable[str]:
        """Return the ARNs of those that start tasks."""

    def deregister(self, arn: str) -> None:
        """Let a revision start no more tasks; one that does not by now stays so."""


class Places(Protocol):
    """How many runs of a job's queue there are."""

    def take(self, job_name: str, run: str, most: int, now: datetime) -> bool:
        """Take a place for a run, unless `most` others have one; again is no other place."""

    def free(self, job_name: str, run: str) -> Taken | None:
        """Give a run's place back; None when it had none."""

    def wait(self, job_name: str, now: datetime) -> Taken:
        """Note that messages wait for a place; return what is taken from here on."""

    def wait_no_more(self, job_name: str, aside_at: str) -> None:
        """Note that no message waits, unless one was put aside after `aside_at`."""

    def get(self, job_name: str) -> Taken:
        """Read a job's places consistently."""

    def waiting(self, until: datetime) -> Iterable[str]:
        """Return the jobs for which messages wait since before `until`."""


class QueueLimits(Protocol):
    """What a job's deployed stack says of its queue."""

    def queue_limits(self, job_name: str) -> Limits | None:
        """Return the limits, None while the job is not known to have a queue."""


class MessageQueues(Protocol):
    """A job's queue that starts runs, and the one beside it where messages wait for a place."""

    def put_aside(self, job_name: str, message: Message) -> None:
        """Let a message wait until it is brought back."""

    def send(self, job_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        """Let a message start a run, at the earliest in `delay_seconds`."""

    def bring(self, job_name: str, most: int) -> int:
        """Send messages that wait back to where they start runs; return how many there were."""

    def is_empty(self, job_name: str) -> bool:
        """Tell whether no message waits, not even one that someone has just received."""

    def hide(self, job_name: str, receipt_handle: str, seconds: int) -> None:
        """Let a message that Lambda received come again in so many seconds."""


class Work(Protocol):
    """What executions start outside themselves."""

    def stop(self, execution_name: str, reason: str) -> int:
        """Stop what an execution left running; return how many pieces of work that were."""
