"""What a reconcile and a completion reach outside themselves. `provisioner.aws` is one of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from provisioner.jobs import Job, Rejected
    from provisioner.runs import messages
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
    from provisioner.stacks.model import StackRecord, StackState
    from provisioner.stacks.rate_limits import Place, Quota


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What CreateStack and UpdateStack are asked for; `token` makes asking twice ask once."""

    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    token: str


class Jobs(Protocol):
    """The rows that people write."""

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
        """Read rows consistently; a job without one is left out."""


class Records(Protocol):
    """What we know of each job's stack, to read."""

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, StackRecord]:
        """Read records consistently; a job without one is left out."""


class Stacks(Records, Protocol):
    """What we know of each job's stack."""

    def save(self, record: StackRecord) -> None:
        """Write the successor of `record.version`, or raise ConflictError."""


class StackOperations(Protocol):
    """CloudFormation, as far as one stack goes. Every operation only starts."""

    def describe(self, stack_name: str) -> StackState | None:
        """Return the stack of that name, None when there is none."""

    def create(self, stack_name: str, request: StackRequest) -> str:
        """Start CreateStack and return the stack's id, or raise StackLimitError."""

    def update(self, stack_name: str, request: StackRequest) -> str:
        """Start UpdateStack and return the stack's id, or raise NoChangesError."""

    def delete(
        self, stack_id: str, retain_resources: Iterable[str], *, force: bool, token: str
    ) -> None:
        """Start DeleteStack."""

    def continue_update_rollback(
        self, stack_id: str, resources_to_skip: Iterable[str], *, force: bool, token: str
    ) -> None:
        """Start ContinueUpdateRollback."""

    def detect_drift(self, stack_id: str) -> None:
        """Start DetectStackDrift, or raise ConflictError when it runs."""


class Queue(Protocol):
    """Jobs to look at later."""

    def send(
        self,
        job_name: str,
        *,
        delay_seconds: int = 0,
        retry: bool = False,
        detect_drift: bool = False,
    ) -> None:
        """Ask for a look at a job, or to have its drift looked for, earliest in `delay_seconds`.

        With `retry` the look forgets what has failed before.
        """


class Pace(Protocol):
    """The lines before CloudFormation's quotas, shared by all who call it in this Region.

    Both answer at once, and raise TemporaryError when too many ask at the same time.
    """

    def enter(self, quota: Quota, *, admitted: bool) -> Place:
        """Tell a caller to go on, or give it a place; see `pacing.enter`."""

    def take(self, quota: Quota) -> Place:
        """Take the right to one call; see `pacing.take`."""

    def back_off(self, quota: Quota) -> None:
        """Close a gate for a moment: a call was throttled."""

    def hold(self, quota: Quota, reason: str) -> datetime:
        """Let nobody through for a while; return until when."""


class JobRuns(Protocol):
    """What runs of a job."""

    def stop_running(self, job_name: str, cause: str) -> int:
        """Stop a job's runs; return how many that were, 100 at most, 0 without a state machine."""


class Deletions(Protocol):
    """How many stacks may go at once because their rows are gone."""

    def admit(self, job_name: str) -> bool:
        """Tell whether the deletion of a job's stack may begin; see `deletions.admit`."""


class Dependants(Protocol):
    """Which jobs wait for which, and what they wait for."""

    def change(self, job_name: str, *, before: Iterable[str], after: tuple[str, ...]) -> None:
        """Let a job wait for those in `after`, and no more for others of `before`."""

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

    def free(self, job_name: str, run: str) -> messages.Places | None:
        """Give a run's place back; None when it had none."""

    def wait(self, job_name: str, now: datetime) -> messages.Places:
        """Note that messages wait for a place; return what is taken from here on."""

    def wait_no_more(self, job_name: str, aside_at: str) -> None:
        """Note that no message waits, unless one was put aside after `aside_at`."""

    def get(self, job_name: str) -> messages.Places:
        """Read a job's places consistently."""

    def waiting(self, until: datetime) -> Iterable[str]:
        """Return the jobs for which messages wait since before `until`."""


class MessageQueues(Protocol):
    """A job's queue that starts runs, and the one beside it where messages wait for a place."""

    def put_aside(self, job_name: str, message: messages.Message) -> None:
        """Let a message wait until it is brought back."""

    def send(self, job_name: str, message: messages.Message, *, delay_seconds: int = 0) -> None:
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


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that a reconcile reaches. `pin` looks up the artifact that a job runs."""

    jobs: Jobs
    stacks: Stacks
    cloudformation: StackOperations
    queue: Queue
    pace: Pace
    pin: Callable[[Job], Job | Rejected]
    dependants: Dependants
    deletions: Deletions
    runs: JobRuns
