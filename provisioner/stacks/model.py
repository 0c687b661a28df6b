"""A job's stack as CloudFormation describes it, and the Stacks row that we keep of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from provisioner.jobs import FieldError
    from provisioner.jobs.row_summary import RowSummary
    from provisioner.settings import DeploymentMode
    from provisioner.stacks.rate_limits import Reservation
    from provisioner.stacks.stack_status import StackStatus


OWNER_TAG = "provisioner"
"""Stack tag that says which bootstrap made a stack; its value is that one's prefix."""


class JobStatus(StrEnum):
    """`status` of a Stacks row."""

    PENDING = "PENDING"
    CREATING = "CREATING"
    UPDATING = "UPDATING"
    DELETING = "DELETING"
    READY = "READY"
    RETRYING = "RETRYING"
    FAILED = "FAILED"
    INVALID = "INVALID"
    PAUSED = "PAUSED"
    RETAINED = "RETAINED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation failed: the first failed resource's reason, not the stack's summary.

    `digest` is the spec that the operation carried, None when it carried none (a deletion, or an
    operation that was not ours). `resources` are all logical ids that failed in it.
    """

    reason: str
    at: datetime
    resource: str | None = None
    digest: str | None = None
    resources: tuple[str, ...] = ()


class DriftStatus(StrEnum):
    """What drift detection found (StackDriftStatus in CloudFormation's API reference)."""

    DRIFTED = "DRIFTED"
    IN_SYNC = "IN_SYNC"
    UNKNOWN = "UNKNOWN"
    NOT_CHECKED = "NOT_CHECKED"


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether the stack's resources are still what its template says, when last checked.

    `missing` are the logical ids of those that were deleted by hand.
    """

    status: DriftStatus
    checked_at: datetime
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackState:
    """One stack as CloudFormation describes it.

    `ours` tells whether our tag is on it, `owner` what that tag says; `digest`, `template_version`
    and `retain` come from its parameters; `failure` is there when `status` is in FAILED_OPERATION
    and the events could still be read; `drift` when it was detected since the last update;
    `left_behind` is what that took from the stack and could not delete.
    """

    stack_id: str
    status: StackStatus
    ours: bool
    digest: str | None = None
    retain: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    owner: str | None = None
    drift: Drift | None = None
    left_behind: tuple[str, ...] = ()
    template_version: str | None = None


@dataclass(frozen=True, slots=True)
class StackSummary:
    """As much of a stack of ours as the daily check and a canary need."""

    job_name: str
    stack_id: str
    status: StackStatus
    digest: str | None
    drift_checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as Kubernetes writes it; `status` is True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: datetime


class BuildStatus(StrEnum):
    """`status` of a build, as a Stacks row has it."""

    WAITING = "WAITING"
    """CodeBuild did not take it yet: as many builds run as may."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


KEPT_BUILDS = 10
"""Of a job, the last one included."""


@dataclass(frozen=True, slots=True)
class BuildAttempt:
    """The last build of a job's code, by the digest of what was to be built.

    `id` is CodeBuild's, None before it has started; `retry_at` is set while it is WAITING, and
    `reason` when it FAILED. `source_version` is that of the source: a VersionId in S3.
    """

    digest: str
    status: BuildStatus
    id: str | None = None
    reason: str | None = None
    log_url: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    retry_at: datetime | None = None
    source_version: str | None = None

    @property
    def log_stream(self) -> str | None:
        """The stream of its log, in the log group of all builds."""
        return self.id.partition(":")[2] if self.id else None

    @property
    def seconds(self) -> int | None:
        """How long it took, once it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds())


class Deletion(StrEnum):
    """`deletion` of a Stacks row: what stands between a removed row and its stack's deletion."""

    HELD = "held"
    """Too many rows were removed at once: a person has to confirm it."""

    CONFIRMED = "confirmed"
    """A person confirmed it."""


class Cause(StrEnum):
    """Why a deployment came about."""

    ROW = "row"
    """The row asks for something else."""
    PUSH = "push"
    """The row asks for the same, by a name that now means other code."""
    BUILD = "build"
    """The same, of code that was built from the row's source."""
    UPGRADE = "upgrade"
    """The provisioner makes another stack of the same job."""
    ROLLBACK = "rollback"
    """What was deployed earlier is asked for again."""


JUDGED = frozenset({Cause.ROW, Cause.PUSH, Cause.BUILD})
"""Causes of what may be a mistake: a rollback is not rolled back, nor can an upgrade be."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a job's stack was made of, from one time on.

    Attributes
    ----------
    number
        Counts the deployments of a job from 1.
    at
        When the stack was first seen to be so.
    digest
        Of the spec that the stack carries.
    row_digest
        Of the spec as the row says it, before its code is looked up; without what is pinned.
    row_content
        Of the row, by which its version is found; see `content_digest`.
    artifact
        The code, with its version or digest as far as one is known.
    pinned
        Whether the row pinned that version.
    template_version
        Of the templates that the provisioner made the stack from.
    """

    number: int
    at: datetime
    cause: Cause
    digest: str
    row_digest: str
    row_content: str
    artifact: str | None = None
    pinned: bool = False
    template_version: str | None = None


@dataclass(frozen=True, slots=True)
class Pinned:
    """Which version of its code a row pins, and the newest one, None when that is not known."""

    version: str
    newest: str | None = None


@dataclass(frozen=True, slots=True)
class UpgradeMark:
    """`upgrade` of a Stacks row: the upgrade that chose the job, and how far it has come there.

    Attributes
    ----------
    id
        Of the upgrade.
    to
        The version of the templates that the stack is updated to.
    wave
        Which wave of the upgrade the job belongs to, from 0.
    ended_at
        When the job was READY with those templates; None until then.
    """

    id: str
    to: str
    wave: int
    at: datetime
    ended_at: datetime | None = None


class OtherMode(StrEnum):
    """Why an operation was carried out in another deployment mode than the row asks for."""

    UNKNOWN_TO_SDK = "UnknownToSdk"
    """The SDK of the functions does not know express mode."""
    SAME_AFTER_FAILURE = "SameAfterFailure"
    """CloudFormation takes the operation after one that failed in the same mode only."""


@dataclass(frozen=True, slots=True)
class StackRecord:
    """A row of the Stacks table: what was last done for a job, and what came of it.

    `row_digest` is of the row as it was last reconciled, `spec_digest` of the wanted spec, and
    `deployed_digest` of the one that the stack carries. `template_version` is that of the templates
    that made the stack, None when those of an earlier release did, which does not say. `attempts`
    counts the failed operations that carried `spec_digest`, `recoveries` the deletions and
    continued rollbacks since the stack was last READY, `missed_schedules` the scheduled times that
    could not start a run. `reservation` is there while the job waits for a rate limiter, `deletion`
    when its stack's deletion was held. `artifacts` are those that the job tracks, all of them in
    the index of artifacts; `former_artifacts` are to be taken out of it. `row` is what lists show
    of the row, None when there is none. `deployments` are the last ten, newest first; `pinned` is
    there while the row pins a version of its code. `deployment_mode` is that of the last operation,
    `other_mode` why it is not the one that the row asks for.
    `build` is the last build of a job with a `build` in its row, `former_builds` are those before.
    `upgrade` is there when an upgrade of the provisioner has chosen the job.
    `version` is the optimistic lock, 0 for a row that is not written yet.
    """

    job_name: str
    status: JobStatus = JobStatus.PENDING
    cloudformation_status: StackStatus | None = None
    stack_id: str | None = None
    stack_name: str | None = None
    row_digest: str | None = None
    spec_digest: str | None = None
    deployed_digest: str | None = None
    template_version: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    errors: tuple[FieldError, ...] = ()
    attempts: int = 0
    recoveries: int = 0
    next_attempt_at: datetime | None = None
    reservation: Reservation | None = None
    drift: Drift | None = None
    retained_resources: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    former_artifacts: tuple[str, ...] = ()
    missed_schedules: int = 0
    conditions: tuple[Condition, ...] = ()
    row: RowSummary | None = None
    deployments: tuple[Deployment, ...] = ()
    pinned: Pinned | None = None
    retain: bool = False
    deletion: Deletion | None = None
    deployment_mode: DeploymentMode | None = None
    other_mode: OtherMode | None = None
    build: BuildAttempt | None = None
    former_builds: tuple[BuildAttempt, ...] = ()
    upgrade: UpgradeMark | None = None
    updated_at: datetime | None = None
    expires_at: int | None = None
    version: int = 0

    def with_build(self, build: BuildAttempt) -> StackRecord:
        """Return the record with its last build as it is now; another one before it is kept."""
        last = self.build
        if last is None or last.id is None or last.id == build.id:
            return replace(self, build=build)
        former = (last, *self.former_builds)[: KEPT_BUILDS - 1]
        return replace(self, build=build, former_builds=former)

    @property
    def ready_since(self) -> datetime | None:
        """Since when the job has been READY; None when it is not, or nothing says so."""
        if self.status is not JobStatus.READY:
            return None
        times = [each.last_transition_time for each in self.conditions if each.type == "Ready"]
        return max(times, default=None)

    @property
    def in_sync(self) -> bool:
        """Whether the stack is what the row asks for, as far as is known."""
        return (
            self.status is not JobStatus.PENDING
            and self.spec_digest is not None
            and self.spec_digest == self.deployed_digest
        )
