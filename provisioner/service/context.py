"""What a request works on: the tables, queues and buckets of one bootstrap, for one caller."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from provisioner import jobs
from provisioner.aws import bootstrap, identity
from provisioner.aws.artifacts import Artifacts
from provisioner.aws.audit_table import AuditTable
from provisioner.aws.bulk_table import BulkTable
from provisioner.aws.bundles import BundleBucket
from provisioner.aws.dead_letters import DeadLetterLocation
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.executions import Executions
from provisioner.aws.fan_out_items import FanOutItems
from provisioner.aws.functions import Function
from provisioner.aws.items import Item
from provisioner.aws.job_list import JobList
from provisioner.aws.job_reader import JobReader
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.message_queues import MessageQueues
from provisioner.aws.recent_runs import RecentRunsTable
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.aws.row_versions import RowVersions
from provisioner.aws.run_list import RunList
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.submissions_table import SubmissionsTable
from provisioner.aws.triggers_table import TriggersTable
from provisioner.aws.upgrade_table import UpgradeTable
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import guarded
from provisioner.jobs.errors import did_you_mean
from provisioner.service.caller import Caller, Role
from provisioner.settings import Allowed
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.aws.row_versions import Kept
    from provisioner.jobs import InvalidRow, Job
    from provisioner.service.recall import Recall
    from provisioner.settings import Platform
    from provisioner.stacks.model import StackRecord


__all__ = ["Item", "Service", "connect"]

T = TypeVar("T")

_OWN = (
    *("JobsTableName", "StacksTableName", "TriggersTableName", "ReconcileQueueUrl"),
    *("DeadLetterQueueUrl", "NotificationTopicArn", "SubmissionTopicArn"),
    "AuditTableName",
)
"""Outputs that name tables, queues and topics that no job may use."""


@dataclass(frozen=True, slots=True)
class Service:
    """One bootstrap, as one caller uses it.

    Attributes
    ----------
    outputs
        Of the bootstrap's stack, or those of them that a function has in its settings. An adapter
        is made when it is first needed, so that a bootstrap that lacks an output still serves what
        does without it.
    caller
        Returns who asks. It is written to the rows of runs.
    platform
        What a function knows of its bootstrap; None for the command line, which has outputs alone.
    recall
        What the function has read a moment ago for others; None to read all again.
    because
        Why the caller does what is done with it: the detail of entries in the audit that have none.
    """

    stack_name: str
    outputs: Mapping[str, str]
    clients: Clients
    clock: Callable[[], datetime]
    caller: Callable[[], Caller]
    platform: Platform | None = None
    recall: Recall | None = None
    because: str | None = None

    @property
    def jobs(self) -> JobsTable:
        """The rows that people write."""
        return JobsTable(self.clients, self._output("JobsTableName"))

    @property
    def job_reader(self) -> JobReader:
        """What is kept of one job."""
        tables = (self._output(f"{name}TableName") for name in ("Jobs", "Stacks", "Triggers"))
        return JobReader(self.clients, *tables)

    @property
    def stacks(self) -> StacksTable:
        """The state of each job's stack."""
        return StacksTable(self.clients, self._output("StacksTableName"))

    @property
    def triggers(self) -> TriggersTable:
        """The runs."""
        return TriggersTable(self.clients, self._output("TriggersTableName"))

    @property
    def dependants(self) -> DependantsTable:
        """Which jobs run after which."""
        return DependantsTable(self.clients, self._output("TriggersTableName"))

    @property
    def executions(self) -> Executions:
        """The executions of jobs' state machines."""
        return Executions(self.clients)

    @property
    def artifacts(self) -> Artifacts:
        """The bundles and images that jobs run."""
        return Artifacts(self.clients, self.allowed)

    @property
    def bundles(self) -> BundleBucket:
        """The bucket for code."""
        return BundleBucket(self.clients, self._output("BundleBucketName"))

    @property
    def bulks(self) -> BulkTable:
        """The bulk operations."""
        return BulkTable(self.clients, self._output("TriggersTableName"))

    @property
    def upgrades(self) -> UpgradeTable:
        """The upgrade of the jobs' stacks."""
        return UpgradeTable(self.clients, self._output("TriggersTableName"))

    @property
    def sweep_function(self) -> Function:
        """What takes the upgrade further."""
        return Function(self.clients, self._output("SweepFunctionArn"))

    @property
    def template_version(self) -> str | None:
        """Which templates this release builds; None for a bootstrap that does not say."""
        return self.outputs.get("TemplateVersion")

    @property
    def submissions(self) -> SubmissionsTable:
        """What has become of messages to jobs."""
        return SubmissionsTable(self.clients, self._output("TriggersTableName"), self.clock)

    @property
    def message_queues(self) -> MessageQueues:
        """The queues of jobs."""
        return MessageQueues(self.clients, self._output("Prefix"))

    @property
    def run_list(self) -> RunList:
        """The runs of all jobs."""
        return RunList(self.clients, self._output("TriggersTableName"))

    @property
    def fan_out_items(self) -> FanOutItems:
        """What runs with a fan-out keep of their items."""
        return FanOutItems(self.clients, self._output("ArtifactsBucketName"))

    @property
    def job_list(self) -> JobList:
        """The jobs in the order of their names."""
        return JobList(self.clients, self._output("StacksTableName"))

    @property
    def recent_runs(self) -> RecentRunsTable:
        """What a list shows of each job's runs."""
        return RecentRunsTable(self.clients, self._output("TriggersTableName"), self.clock)

    @property
    def has_audit(self) -> bool:
        """Whether the bootstrap has an audit: those of earlier versions have none."""
        return "AuditTableName" in self.outputs

    @property
    def audit(self) -> AuditTable:
        """What was done, by whom."""
        name = self._output("AuditTableName")
        return AuditTable(self.clients, name, self._retention_days, self.clock)

    @property
    def row_versions(self) -> RowVersions:
        """What rows were before."""
        table = self._output("AuditTableName")
        return RowVersions(self.clients, table, self._retention_days, self.clock)

    def kept(self, job_name: str, number: int | None = None) -> Kept:
        """Return the versions of a job's row, and what there is of it now; one request.

        Parameters
        ----------
        number
            Of a version whose row is wanted, and that of the one numbered before it.
        """
        jobs, stacks = (self._output(f"{name}TableName") for name in ("Jobs", "Stacks"))
        return self.row_versions.read(job_name, jobs, stacks, number)

    @property
    def _retention_days(self) -> int:
        return int(self._output("AuditRetentionDays"))

    @property
    def reconcile_queue(self) -> ReconcileQueue:
        """Jobs to reconcile."""
        return ReconcileQueue(self.clients, self._output("ReconcileQueueUrl"))

    @property
    def dead_letters(self) -> DeadLetterLocation:
        """Where dead-letter messages are, and what redriving them needs."""
        return DeadLetterLocation(
            prefix=self._output("Prefix"),
            dead_letter_queue_url=self._output("DeadLetterQueueUrl"),
            artifacts_bucket=self._output("ArtifactsBucketName"),
            reconcile_queue_url=self._output("ReconcileQueueUrl"),
            run_events_function=self._output("RunEventsFunctionArn"),
        )

    def permitted(self, job: Job | InvalidRow) -> Job | InvalidRow:
        """Hold a job to the bootstrap's parameters, as far as its outputs name them."""
        allowed = self.allowed
        return job if allowed is None else jobs.permitted(job, allowed)

    @property
    def allowed(self) -> Allowed | None:
        """What rows may name; None when the outputs of an earlier bootstrap do not say."""
        if self.platform is not None:
            return self.platform.allowed
        allowed = self.outputs.get("Allowed")
        if not allowed:
            return None
        own = defaultdict(str, self.outputs)
        return Allowed.from_json(
            allowed,
            prefix=own["Prefix"],
            artifacts_bucket=own["ArtifactsBucketName"],
            subnets=own["Subnets"],
            own=(own[name] for name in _OWN),
        )

    def recalled(self, name: str, read: Callable[[], T]) -> T:
        """Return what `read` returns, or has returned to another reader a moment ago."""
        return read() if self.recall is None else self.recall.get(name, read)

    def row(self, job_name: str) -> Item | None:
        """Return a job's row."""
        return self.jobs.get_many([job_name]).get(job_name)

    def existing_row(self, job_name: str) -> Item:
        """Return a job's row.

        Raises
        ------
        NotFoundError
            If it has none.
        """
        row = self.row(job_name)
        if row is None:
            raise self.unknown(job_name)
        return row

    def job(self, row: Item) -> Job | InvalidRow:
        """Return the job that a row describes, held to the bootstrap's parameters."""
        return self.permitted(guarded.parse(row))

    def record(self, job_name: str) -> StackRecord | None:
        """Return a job's Stacks row."""
        return self.stacks.get_many([job_name]).get(job_name)

    def output_of(self, job_name: str, key: str) -> str:
        """Return an output of a job's stack; one request.

        Raises
        ------
        NotFoundError
            If there is no such job.
        PermanentError
            If the stack was never created.
        """
        return self.output_in(self.record(job_name), job_name, key)

    def output_in(self, record: StackRecord | None, job_name: str, key: str) -> str:
        """Return an output of a job's stack, whose Stacks row has been read.

        Raises
        ------
        NotFoundError, PermanentError
            As `output_of` does.
        """
        if record is not None and key in record.outputs:
            return record.outputs[key]
        if record is None or record.status is JobStatus.DELETED:
            self.existing_row(job_name)
        status = record.status if record else JobStatus.PENDING
        message = f'{job_name} has no stack yet, it is {status}; see "provisioner get {job_name}"'
        raise PermanentError(message)

    def unknown(self, job_name: str) -> NotFoundError:
        """Return the error for a job that does not exist, with the name nearest to it.

        Only the command line looks for one: whoever asks a function must not make it read all rows.
        """
        if self.platform is not None:
            return NotFoundError(f"there is no job {job_name}")
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


def connect(stack_name: str, clients: Clients, clock: Callable[[], datetime]) -> Service:
    """Return the service of a bootstrap, for the user or role of the clients' credentials.

    Raises
    ------
    NotFoundError
        If this account and Region have no such stack.
    """
    try:
        outputs = bootstrap.outputs(clients, stack_name)
    except NotFoundError as error:
        message = (
            f'{error}: deploy the bootstrap with "sam build && sam deploy", or name yours '
            "with --stack or PROVISIONER_STACK"
        )
        raise NotFoundError(message) from error
    return Service(stack_name, outputs, clients, clock, cache(lambda: _of_credentials(clients)))


def _of_credentials(clients: Clients) -> Caller:
    """Return the user or role of the clients' credentials; IAM decides what they may do."""
    return Caller(identity.caller_arn(clients), via="cli", role=Role.ADMIN)
