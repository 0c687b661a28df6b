"""The one composition root: everything that a function reaches, made when it is first used.

Handlers ask it for what they need; tests and the simulation hand in another. An adapter is imported
when it is asked for, too: a cold start is mostly imports, and no function needs them all.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import provisioner
from provisioner.aws.clients import Clients
from provisioner.aws.dead_letter_queue import DeadLetterQueue
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.stacks_table import StacksTable
from provisioner.entrypoints.metrics import CountedRateLimiter, CountedStacks, Metrics
from provisioner.jobs import InvalidRow
from provisioner.settings import Settings, SlackSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from provisioner.api.app import App
    from provisioner.aws.artifact_index import ArtifactIndex
    from provisioner.aws.artifacts import Artifacts
    from provisioner.aws.batch_jobs import BatchJobs
    from provisioner.aws.builds import Builds
    from provisioner.aws.built_code import BuiltArchives, BuiltImages
    from provisioner.aws.capacity_providers import CapacityProviders
    from provisioner.aws.cloudformation import CloudFormation
    from provisioner.aws.deletion_budget import DeletionBudgetTable
    from provisioner.aws.dependants import DependantsTable
    from provisioner.aws.executions import Executions, JobExecutions
    from provisioner.aws.failed_records import FailedRecords
    from provisioner.aws.failed_runs import FailedRuns
    from provisioner.aws.index_backfill import IndexBackfill
    from provisioner.aws.machines import Machines
    from provisioner.aws.message_queues import MessageQueues
    from provisioner.aws.missed_schedules import MissedSchedules
    from provisioner.aws.notifications import NotificationTopic
    from provisioner.aws.rate_limits_table import RateLimitsTable
    from provisioner.aws.recent_runs import RecentRunsTable
    from provisioner.aws.reconcile_queue import ReconcileQueue
    from provisioner.aws.row_versions import RowVersions
    from provisioner.aws.run_costs import RunCosts
    from provisioner.aws.run_history import RunHistory
    from provisioner.aws.run_list import RunList
    from provisioner.aws.secrets import Secret
    from provisioner.aws.slack_queue import SlackQueue
    from provisioner.aws.task_definitions import TaskDefinitions
    from provisioner.aws.triggers_table import TriggersTable
    from provisioner.aws.upgrade_table import UpgradeTable
    from provisioner.console.issuer import Issuer
    from provisioner.console.sign_in import SignIn
    from provisioner.jobs import Job
    from provisioner.jobs.unbuilt import Unbuilt
    from provisioner.runs.concurrency import MessageRuns
    from provisioner.runs.cost import Rates
    from provisioner.runs.dependencies import DependencyStarter
    from provisioner.runs.overlap import RunControl
    from provisioner.runs.work import WorkByType
    from provisioner.service.caller import Caller
    from provisioner.service.context import Service
    from provisioner.service.recall import Recall
    from provisioner.settings import SignInSettings
    from provisioner.stacks.ports import Ports
    from provisioner.stacks.reconcile import Reconciler


@cache
def runtime() -> Runtime:
    """Return the process's own runtime, from its environment."""
    return Runtime(Settings.from_environ(os.environ), environ=os.environ)


@dataclass(frozen=True)
class Runtime:
    """What the functions of one process work with: settings, clock, randomness and adapters."""

    settings: Settings
    clients: Clients = field(default_factory=Clients)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: random.Random = field(default_factory=random.Random)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where settings of one function alone are: only that function has their variables."""

    @cached_property
    def metrics(self) -> Metrics:
        """What this invocation counts."""
        return Metrics(self.settings.platform.prefix)

    # The way of a row

    @cached_property
    def jobs(self) -> JobsTable:
        """The rows that people write."""
        return JobsTable(self.clients, self.settings.jobs_table)

    @cached_property
    def stacks(self) -> StacksTable:
        """What is known of each job's stack."""
        return StacksTable(self.clients, self.settings.stacks_table)

    @cached_property
    def counted_stacks(self) -> CountedStacks:
        """The Stacks table with metrics; it remembers what this invocation has read."""
        return CountedStacks(self.stacks, self.metrics)

    @cached_property
    def cloudformation(self) -> CloudFormation:
        """The stacks of this bootstrap's jobs."""
        from provisioner.aws.cloudformation import CloudFormation

        platform = self.settings.platform
        role = self.settings.cloudformation_role_arn
        return CloudFormation(self.clients, platform.prefix, role, platform.artifacts_bucket)

    @cached_property
    def reconcile_queue(self) -> ReconcileQueue:
        """The jobs to reconcile later."""
        from provisioner.aws.reconcile_queue import ReconcileQueue

        return ReconcileQueue(self.clients, self.settings.reconcile_queue_url)

    @cached_property
    def rate_limiter(self) -> RateLimitsTable:
        """The rate limits of CloudFormation."""
        from provisioner.aws.rate_limits_table import RateLimitsTable

        return RateLimitsTable(self.clients, self.settings.rate_limits_table, self.clock)

    @cached_property
    def deletion_budget(self) -> DeletionBudgetTable:
        """How many stacks may go at once."""
        from provisioner.aws.deletion_budget import DeletionBudgetTable
        from provisioner.stacks.deletion_budget import Budget

        jobs, percent = self.settings.deletion_budget_jobs, self.settings.deletion_budget_percent
        budget = Budget(jobs, percent)
        return DeletionBudgetTable(
            self.clients, self.settings.rate_limits_table, budget, self.clock
        )

    @cached_property
    def upgrades(self) -> UpgradeTable:
        """The upgrade of this bootstrap's jobs."""
        from provisioner.aws.upgrade_table import UpgradeTable

        return UpgradeTable(self.clients, self.settings.platform.triggers_table)

    @cached_property
    def failed_runs(self) -> FailedRuns:
        """What an upgrade may have broken."""
        from provisioner.aws.failed_runs import FailedRuns

        return FailedRuns(self.clients, self.settings.platform.triggers_table)

    @cached_property
    def artifacts(self) -> Artifacts:
        """The code that rows name."""
        from provisioner.aws.artifacts import Artifacts

        return Artifacts(self.clients, self.settings.platform.allowed)

    @cached_property
    def builds(self) -> Builds:
        """The builds of jobs' code."""
        from provisioner.aws.builds import Builds

        return Builds(self.clients, self.settings.platform.prefix)

    @cached_property
    def built_images(self) -> BuiltImages:
        """What builds have left in the repositories of jobs."""
        from provisioner.aws.built_code import BuiltImages

        return BuiltImages(self.clients, self.settings.platform.prefix)

    @cached_property
    def built_archives(self) -> BuiltArchives:
        """What builds have left in the bundle bucket."""
        from provisioner.aws.built_code import BuiltArchives

        return BuiltArchives(self.clients, self.settings.platform.allowed.bundle_bucket)

    @cached_property
    def task_definitions(self) -> TaskDefinitions:
        """The revisions of task definitions in ECS."""
        from provisioner.aws.task_definitions import TaskDefinitions

        return TaskDefinitions(self.clients)

    @cached_property
    def ports(self) -> Ports:
        """Everything that a reconcile reaches."""
        from provisioner.stacks.ports import Ports

        return Ports(
            jobs=self.jobs,
            stacks=self.counted_stacks,
            cloudformation=self.cloudformation,
            queue=self.reconcile_queue,
            rate_limiter=CountedRateLimiter(self.rate_limiter, self.metrics),
            pin=self.pin,
            dependants=self.dependants,
            artifact_index=self.artifact_index,
            deletion_budget=self.deletion_budget,
            runs=self.job_executions,
            pauses=self.triggers,
            synthesize=self.synthesize,
            builds=self.builds,
            template_version=self.template_version,
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """What brings stacks nearer to their rows."""
        from provisioner.stacks.reconcile import Reconciler

        return Reconciler(self.ports, self.settings.platform, self.clock, self.chance)

    def pin(self, job: Job) -> Job | InvalidRow | Unbuilt:
        """Look up the artifact that a job runs, and the subnets that it runs in."""
        from provisioner.aws.subnets import within_vpc

        placed = within_vpc(self.clients, job, self.settings.platform)
        return placed if isinstance(placed, InvalidRow) else self.artifacts.pin(placed)

    @property
    def template_version(self) -> str:
        """Which templates `synthesize` makes."""
        import templates

        return templates.TEMPLATE_VERSION

    def synthesize(self, job: Job, now: datetime, missing: Collection[str]) -> str:
        """Return the template of a job's stack, without the resources in `missing`."""
        import templates

        return templates.synthesize(job, self.settings.platform, now, missing)

    # The way of a run

    @cached_property
    def triggers(self) -> TriggersTable:
        """The runs, and each job's lock."""
        from provisioner.aws.triggers_table import TriggersTable

        return TriggersTable(self.clients, self.settings.platform.triggers_table)

    @cached_property
    def run_costs(self) -> RunCosts:
        """What runs have cost, and what the months of a job have."""
        from provisioner.aws.run_costs import RunCosts

        return RunCosts(self.clients, self.settings.platform.triggers_table, self.clock)

    @cached_property
    def run_list(self) -> RunList:
        """The index of all jobs' runs."""
        from provisioner.aws.run_list import RunList

        return RunList(self.clients, self.settings.platform.triggers_table)

    @cached_property
    def recent_runs(self) -> RecentRunsTable:
        """What a list shows of each job's runs."""
        from provisioner.aws.recent_runs import RecentRunsTable

        return RecentRunsTable(self.clients, self.settings.platform.triggers_table, self.clock)

    @cached_property
    def jobs_backfill(self) -> IndexBackfill:
        """How far the jobs of earlier versions are in the index of all jobs."""
        from provisioner.aws.index_backfill import IndexBackfill
        from provisioner.runs.keys import JOBS_INDEX

        return IndexBackfill(self.clients, self.settings.platform.triggers_table, JOBS_INDEX)

    @cached_property
    def rates(self) -> Rates:
        """What AWS asks for in this Region, as far as it is known."""
        from provisioner.runs.cost import Prices

        text = Path(provisioner.__file__).with_name("prices.json").read_text("utf-8")
        return Prices.from_json(text).rates(self.settings.platform.region)

    @cached_property
    def dependants(self) -> DependantsTable:
        """Which jobs wait for which."""
        from provisioner.aws.dependants import DependantsTable

        return DependantsTable(self.clients, self.settings.platform.triggers_table)

    @cached_property
    def artifact_index(self) -> ArtifactIndex:
        """Which jobs track which artifacts."""
        from provisioner.aws.artifact_index import ArtifactIndex

        return ArtifactIndex(self.clients, self.settings.platform.triggers_table, self.clock)

    @cached_property
    def executions(self) -> Executions:
        """What runs in Step Functions."""
        from provisioner.aws.executions import Executions

        return Executions(self.clients)

    @cached_property
    def job_executions(self) -> JobExecutions:
        """Executions, found by the names of jobs."""
        from provisioner.aws.executions import JobExecutions

        return JobExecutions(self.clients, self.settings.platform)

    @cached_property
    def capacity_providers(self) -> CapacityProviders:
        """What the cluster of container jobs is associated with."""
        from provisioner.aws.capacity_providers import CapacityProviders

        return CapacityProviders(self.clients, self.settings.platform.ecs_cluster_arn)

    @cached_property
    def work(self) -> WorkByType:
        """What runs leave running, by the type of their job."""
        from provisioner.aws.tasks import Tasks
        from provisioner.runs.work import WorkByType

        tasks = Tasks(self.clients, self.settings.platform)
        return WorkByType(
            {
                "lambda": (),
                "ecs": (tasks,),
                "batch": (self.batch_jobs,),
                "ec2": (self.machines,),
            }
        )

    @cached_property
    def machines(self) -> Machines:
        """The EC2 instances of runs."""
        from provisioner.aws.machines import Machines

        return Machines(self.clients, self.settings.platform.prefix)

    @cached_property
    def batch_jobs(self) -> BatchJobs:
        """What runs and waits in Batch."""
        from provisioner.aws.batch_jobs import BatchJobs

        return BatchJobs(self.clients, self.settings.platform)

    @cached_property
    def message_queues(self) -> MessageQueues:
        """The queues of jobs."""
        from provisioner.aws.message_queues import MessageQueues

        return MessageQueues(self.clients, self.settings.platform.prefix)

    @cached_property
    def missed_schedules(self) -> MissedSchedules:
        """Where scheduled times that started no run are recorded."""
        from provisioner.aws.missed_schedules import MissedSchedules

        platform = self.settings.platform
        return MissedSchedules(self.clients, platform.triggers_table, self.settings.stacks_table)

    @cached_property
    def run_control(self) -> RunControl:
        """What starts waiting runs, and stops others."""
        from provisioner.runs.overlap import RunControl

        return RunControl(self.triggers, self.job_executions, self.work, self.clock)

    @cached_property
    def message_runs(self) -> MessageRuns:
        """What starts runs for messages."""
        from provisioner.aws.concurrency_table import ConcurrencyTable
        from provisioner.aws.submissions_table import SubmissionsTable
        from provisioner.runs.concurrency import MessageRuns

        table = self.settings.platform.triggers_table
        return MessageRuns(
            ConcurrencyTable(self.clients, table),
            self.message_queues,
            self.job_executions,
            self.stacks,
            SubmissionsTable(self.clients, table, self.clock),
            self.clock,
        )

    @cached_property
    def dependency_starter(self) -> DependencyStarter:
        """What starts dependants."""
        from provisioner.runs.dependencies import DependencyStarter

        return DependencyStarter(self.dependants, self.job_executions, self.reconcile_queue)

    # What people ask for

    def service(self, caller: Callable[[], Caller]) -> Service:
        """Return the service of this bootstrap for a caller; it costs no call to AWS."""
        from provisioner.service.context import Service

        settings = self.settings
        prefix = settings.platform.prefix
        outputs = {**settings.outputs(), "TemplateVersion": self.template_version}
        return Service(
            prefix, outputs, self.clients, self.clock, caller, settings.platform, self.recall
        )

    @cached_property
    def recall(self) -> Recall:
        """What this process has read a moment ago."""
        from provisioner.service.recall import Recall

        return Recall(self.clock)

    @cached_property
    def api(self) -> App:
        """The HTTP API."""
        from provisioner.api.app import App
        from provisioner.aws.secrets import Secret
        from provisioner.settings import ApiSettings

        own = ApiSettings.from_environ(self.environ)
        prefix = self.settings.platform.prefix
        key = Secret(self.clients, f"{prefix}_provisioner_cursor_key").value
        return App(self.service, self.clients.calls, key, own.scope_prefix, prefix)

    @cached_property
    def failed_records(self) -> FailedRecords:
        """Records of streams that Lambda gave up."""
        from provisioner.aws.failed_records import FailedRecords

        return FailedRecords(self.clients, self.settings.platform.artifacts_bucket)

    @cached_property
    def row_versions(self) -> RowVersions:
        """What rows were before."""
        from provisioner.aws.row_versions import RowVersions

        settings = self.settings
        return RowVersions(
            self.clients, settings.audit_table, settings.audit_retention_days, self.clock
        )

    @cached_property
    def _issuers(self) -> dict[SignInSettings, Issuer]:
        return {}

    def sign_in(self, settings: SignInSettings, origin: str) -> SignIn:
        """Return how people sign in at the console, whose own origin this is."""
        from provisioner.aws.secrets import Secret
        from provisioner.aws.sessions_table import SessionsTable
        from provisioner.console.issuer import Issuer
        from provisioner.console.sign_in import Groups, SignIn
        from provisioner.service.caller import Role

        arn = settings.secret_arn
        secret = Secret(self.clients, arn).value if arn else lambda: ""
        made = Issuer(settings.issuer, settings.client_id, secret)
        issuer = self._issuers.setdefault(settings, made)
        groups = Groups(settings.groups_claim, {name: Role(role) for name, role in settings.roles})
        sessions = SessionsTable(self.clients, settings.sessions_table)
        return SignIn(origin, issuer, groups, sessions, self.clock)

    # What people get

    @cached_property
    def dead_letters(self) -> DeadLetterQueue:
        """Where what failed for good is kept."""
        return DeadLetterQueue(self.clients, self.settings.dead_letter_queue_url)

    @cached_property
    def topic(self) -> NotificationTopic:
        """What notifications are published to."""
        from provisioner.aws.notifications import NotificationTopic

        return NotificationTopic(self.clients, self.settings.platform.notification_topic_arn)

    @cached_property
    def history(self) -> RunHistory:
        """How long runs took, and which wait for long."""
        from provisioner.aws.run_history import RunHistory

        return RunHistory(self.clients, self.settings.platform.triggers_table)

    @cached_property
    def slack_settings(self) -> SlackSettings:
        """Settings of the one function that writes to Slack."""
        return SlackSettings.from_environ(self.environ)

    @cached_property
    def slack_secret(self) -> Secret:
        """Slack's address and token."""
        from provisioner.aws.secrets import Secret

        return Secret(self.clients, self.slack_settings.secret_arn)

    @cached_property
    def slack_queue(self) -> SlackQueue:
        """The queue before Slack."""
        from provisioner.aws.slack_queue import SlackQueue

        return SlackQueue(self.clients, self.slack_settings.queue_url)
