"""What a command works on: the tables and buckets of one bootstrap."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.aws import bootstrap
from provisioner.aws.artifacts import Artifacts
from provisioner.aws.bundles import BundleBucket
from provisioner.aws.clients import Clients, translated
from provisioner.aws.dead_letters import Place
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.executions import Executions
from provisioner.aws.identity import caller_arn
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.triggers_table import TriggersTable
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs.errors import did_you_mean
from provisioner.settings import Allowed
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.jobs import InvalidRow, Job
    from provisioner.stacks.model import StackRecord


@dataclass(frozen=True, slots=True)
class Session:
    """One bootstrap's parts, found by its stack's outputs."""

    clients: Clients
    stack_name: str
    outputs: Mapping[str, str]

    @property
    def jobs(self) -> JobsTable:
        """The rows that people write."""
        return JobsTable(self.clients, self._output("JobsTableName"))

    @property
    def stacks(self) -> StacksTable:
        """What came of each row."""
        return StacksTable(self.clients, self._output("StacksTableName"))

    @property
    def triggers(self) -> TriggersTable:
        """The runs."""
        return TriggersTable(self.clients, self._output("TriggersTableName"))

    @property
    def dependants(self) -> DependantsTable:
        """Which jobs wait for which."""
        return DependantsTable(self.clients, self._output("TriggersTableName"))

    @property
    def executions(self) -> Executions:
        """What runs in Step Functions."""
        return Executions(self.clients)

    @property
    def artifacts(self) -> Artifacts:
        """The code that rows name."""
        return Artifacts(self.clients)

    @property
    def bundles(self) -> BundleBucket:
        """Where code goes."""
        return BundleBucket(self.clients, self._output("BundleBucketName"))

    @property
    def reconcile_queue(self) -> ReconcileQueue:
        """Jobs to be looked at."""
        return ReconcileQueue(self.clients, self._output("ReconcileQueueUrl"))

    @property
    def dead_letters(self) -> Place:
        """Where letters lie, and what doing them again takes."""
        return Place(
            prefix=self._output("Prefix"),
            dead_letter_queue_url=self._output("DeadLetterQueueUrl"),
            artifacts_bucket=self._output("ArtifactsBucketName"),
            reconcile_queue_url=self._output("ReconcileQueueUrl"),
            run_events_function=self._output("RunEventsFunctionArn"),
        )

    def caller_arn(self) -> str:
        """Return the ARN of the user or role in whose name AWS is called."""
        return caller_arn(self.clients)

    def permitted(self, job: Job | InvalidRow) -> Job | InvalidRow:
        """Hold a row to the bootstrap's parameters, as far as that says them."""
        said = self.outputs.get("Allowed")
        own_subnets = self.outputs.get("Subnets", "")
        return jobs.permitted(job, Allowed.from_json(said, own_subnets)) if said else job

    def row(self, job_name: str) -> Mapping[str, object] | None:
        """Return a job's row."""
        return self.jobs.get_many([job_name]).get(job_name)

    def record(self, job_name: str) -> StackRecord | None:
        """Return a job's Stacks row."""
        return self.stacks.get_many([job_name]).get(job_name)

    def output_of(self, job_name: str, key: str) -> str:
        """Return an output of a job's stack.

        Raises
        ------
        NotFoundError
            If there is no such job.
        PermanentError
            If its stack never came up.
        """
        record = self.record(job_name)
        if record is not None and key in record.outputs:
            return record.outputs[key]
        if self.row(job_name) is None and (record is None or record.status is JobStatus.DELETED):
            raise self.unknown(job_name)
        status = record.status if record else JobStatus.PENDING
        message = f'{job_name} has no stack yet, it is {status}; see "provisioner get {job_name}"'
        raise PermanentError(message)

    def unknown(self, job_name: str) -> NotFoundError:
        """Return the error for a job that does not exist, with the name nearest to it."""
        names = (str(row["job_name"]) for row in self.jobs.all())
        return NotFoundError(f"there is no job {job_name}{did_you_mean(job_name, names)}")

    def _output(self, key: str) -> str:
        if key not in self.outputs:
            message = (
                f"stack {self.stack_name} has no output {key}: it is not the provisioner's "
                "bootstrap, or it is still being deployed"
            )
            raise PermanentError(message)
        return self.outputs[key]


_CLIENTS: ContextVar[Clients | None] = ContextVar("_CLIENTS", default=None)


@contextmanager
def using(clients: Clients) -> Iterator[None]:
    """Let the commands inside work through these clients, not through the environment's."""
    token = _CLIENTS.set(clients)
    try:
        yield
    finally:
        _CLIENTS.reset(token)


@contextmanager
def session(stack_name: str) -> Iterator[Session]:
    """Give access to a bootstrap; AWS's errors leave the block as ours."""
    clients = _CLIENTS.get() or Clients()
    with translated():
        try:
            outputs = bootstrap.outputs(clients, stack_name)
        except NotFoundError as error:
            message = (
                f'{error}: deploy the bootstrap with "sam build && sam deploy", or name yours '
                "with --stack or PROVISIONER_STACK"
            )
            raise NotFoundError(message) from error
        yield Session(clients, stack_name, outputs)
