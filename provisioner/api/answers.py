"""The answers of the API, as its description has them; nothing else reads this at run time.

A field without a default is always there. Items of lists may lack any field: callers choose them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from provisioner.runs.model import RunStatus
from provisioner.stacks.model import BuildStatus, Cause, JobStatus

Name = Annotated[str, Field(min_length=1)]


class Model(BaseModel):
    """An object that has no other members."""

    model_config = ConfigDict(extra="forbid")


class Problem(Model):
    """What a request gets that failed (RFC 9457)."""

    type: Name = Field(description="The address of the type's description, relative to the API's.")
    title: Name
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    request_id: str
    errors: list["FieldProblem"] = []


class FieldProblem(Model):
    """One thing wrong with one value."""

    pointer: str = Field(description="A JSON pointer; /query and so on for a parameter.")
    detail: str
    did_you_mean: str | None = None


class Run(Model):
    """A run as a line of a list."""

    run: Name = ""
    trigger_id: Name = ""
    job_name: Name = ""
    status: str = Field(default="", description=", ".join((*RunStatus, "STARTING")))
    started_at: datetime | None = None
    ended_at: datetime | None = None
    started_by: str | None = Field(default=None, description="Who is said to have started it.")
    source: str | None = None
    attempts: int | None = None
    error: str | None = None
    error_group: str | None = None
    estimated_cost: float | None = Field(default=None, description="USD")


class Job(Model):
    """A job as a line of a list."""

    job_name: Name = ""
    type: str = ""
    status: JobStatus = JobStatus.PENDING
    reason: str | None = None
    description: str = ""
    owner: str = ""
    schedule: str | None = None
    time_zone: str = ""
    tags: dict[str, str] = {}
    paused: bool = False
    row_exists: bool = True
    in_sync: bool | None = None
    last_run: Run | None = None
    strip: list[RunStatus] = Field(default=[], description="Of the last twenty, oldest first.")
    usual_seconds: float | None = None
    next_at: datetime | None = None
    running_since: datetime | None = None
    updated_at: datetime | None = None


class JobsPage(Model):
    """Jobs in the order of their names."""

    jobs: list[Job]
    next: str | None


class RunsPage(Model):
    """Runs, newest first."""

    runs: list[Run]
    next: str | None


class Item(Model):
    """An item of a fan-out as a line of a list."""

    index: int = 0
    status: RunStatus = RunStatus.SUCCEEDED
    ended_at: datetime | None = None
    attempts: int | None = Field(default=None, description="Of items that failed.")
    error: str | None = None
    cause: str | None = Field(default=None, description="At most 1,000 characters.")


class ItemsPage(Model):
    """Items that have ended, by their index; the counts are of all items."""

    items: list[Item]
    next: str | None
    succeeded: int
    failed: int
    total: int | None = Field(description="Null until it is known.")


class FanOutItem(BaseModel):
    """What is kept of an item (docs/concepts/runs.md)."""

    model_config = ConfigDict(extra="allow")
    index: int
    status: RunStatus


class Stack(BaseModel):
    """A row of the Stacks table (docs/reference/stacks.md)."""

    model_config = ConfigDict(extra="allow")
    job_name: Name
    status: JobStatus


class Row(BaseModel):
    """A row (docs/reference/jobs.md); a value that nobody may see is null."""

    model_config = ConfigDict(extra="allow")
    job_name: Name


class Cost(Model):
    """USD; `least` differs from `usd` where it is not known exactly."""

    usd: float
    least: float


class Month(Model):
    """What the runs of a month have cost."""

    month: Name
    runs: int
    cost: Cost
    unpriced: int


class JobDetail(Model):
    """Everything about a job but the values of environment variables."""

    job_name: Name
    status: JobStatus
    in_sync: bool | None
    row: Row | None
    stack: Stack | None
    runs: list[Run]
    needs: dict[str, Run | None]
    needed_by: list[str]
    costs: list[Month]


class ResourceEvent(Model):
    """A change of one resource's status."""

    at: datetime
    resource: str
    type: str
    status: str
    reason: str | None


class Failure(Model):
    """Why an operation failed."""

    reason: str
    at: datetime
    resource: str | None
    resources: list[str]


class Operation(Model):
    """One creation, update or deletion of a stack."""

    token: str | None
    status: Name
    began_at: datetime
    last_at: datetime
    failure: Failure | None
    events: list[ResourceEvent]


class Operations(Model):
    """The last operations, newest first."""

    operations: list[Operation]


class Accepted(Model):
    """The request was accepted; follow it at `Location`."""

    job_name: Name
    dry_run: bool


class Validation(Model):
    """What is wrong with a row."""

    valid: bool
    problems: list[FieldProblem]


class Change(Model):
    """An attribute before and after."""

    name: Name
    before: Any
    after: Any


class Plan(Model):
    """What writing a row would change; `etag` is that of the row as it is.

    `risks` are the resources of the stack that are replaced or deleted, each in a sentence.
    """

    outcome: Literal["created", "updated", "unchanged"]
    etag: str | None
    changes: list[Change]
    risks: list[str]


class WrittenRow(RootModel[Plan | Row]):
    """The row as it is now, or the plan of a dry run."""


class ReplacedRow(RootModel[Plan | Row]):
    """The row as it is now, or the plan of a dry run."""


class Pause(Model):
    """Since when and why."""

    since: str
    note: str


class ScheduledTime(Model):
    """When one of the schedules fires."""

    at: datetime
    local: datetime
    schedule: Name


class Schedule(Model):
    """A job's schedule."""

    job_name: Name
    state: Literal["on", "off", "paused"]
    schedule: list[str]
    timezone: Name
    note: str | None
    pause: Pause | None
    next: list[ScheduledTime]
    runs: list[Run]
    missed: int


class Paused(Model):
    """Whether a schedule is paused now."""

    job_name: Name
    paused: bool
    dry_run: bool


class BackfillRun(Model):
    """A run for a scheduled time."""

    scheduled_for: datetime
    run: Name


class BackfillAnswer(Model):
    """All runs of a backfill; the first `started` exist. Repeat the request if some are left."""

    dry_run: bool
    runs: list[BackfillRun]
    started: int
    left: int


class StartedRun(Model):
    """A run that was started; null for a dry run."""

    run: str | None
    dry_run: bool
    unchecked: str | None = Field(description="Why the payload was not checked.")


class StoppedRun(Model):
    """A run that is being stopped, and its status before."""

    run: Name
    before: str
    dry_run: bool


class Stored(Model):
    """A JSON value, and where it is if it is too large for a row."""

    value: Any
    location: str | None


class Phase(Model):
    """A part of a run's time."""

    name: Name
    began_at: datetime
    ended_at: datetime | None


class RunDetail(Run):
    """Everything about a run but the values of environment variables."""

    run: Name
    job_name: Name
    trigger_id: Name
    status: str
    input: Stored
    result: Stored
    overrides: dict[str, Any] | None
    cause: str | None
    usage: dict[str, Any]
    cost: Cost | None
    phases: list[Phase]
    parent: str | None
    log_stream: str | None
    request_id: str | None
    execution_arn: str | None
    exit_code: int | None
    scheduled_for: str | None
    stop_reason: str | None


class LogEvent(Model):
    """One event of a log."""

    at: datetime
    message: str


class Log(Model):
    """Lines of a run or a build, oldest first, and how to get those before and after them."""

    events: list[LogEvent]
    older: str | None
    newer: str | None


class Build(Model):
    """One build of a job's code."""

    id: str | None = Field(description="Null while it waits for other builds.")
    status: BuildStatus
    source_version: str | None = Field(description="VersionId of the source.")
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None
    reason: str | None = Field(description="Why it failed.")
    log_url: str | None = Field(description="Its log in the CloudWatch console.")


class Builds(Model):
    """The last builds of a job, newest first."""

    builds: list[Build]


class BulkFailure(Model):
    """A target for which the action failed."""

    target: Name
    message: str


class Bulk(Model):
    """A bulk action; the first `done` of its targets have been processed."""

    id: str | None = Field(description="Null for a dry run.")
    action: Name
    reason: str
    by: str
    created_at: datetime | None
    targets: list[str]
    digest: str = Field(description="Of the targets: `expected` of the request that begins it.")
    done: int
    is_over: bool
    failures: list[BulkFailure]


class UpgradeProgress(Model):
    """How many jobs of a wave are in which state."""

    chosen: int
    upgraded: int
    in_progress: int
    failed: int
    skipped: int


class UpgradeFailure(Model):
    """A job of an upgrade that failed."""

    job_name: Name
    kind: Literal["stack", "run"]
    reason: str
    accepted: bool = Field(description="Whether the upgrade was resumed after it.")


class UpgradeDifference(Model):
    """A kind of difference between stacks' templates and those of this release."""

    verb: Literal["replaced", "deleted", "changed", "added"]
    type: Name = Field(description="Of the resource.")
    property: str = Field(description='"" if it is about the whole resource.')
    jobs: int = Field(description="How many of those that were compared have it.")
    example: Name = Field(description="One of these jobs.")


class UpgradeChanges(Model):
    """What an upgrade would change; of many jobs some are drawn by lot and compared."""

    outdated: int = Field(description="Jobs that are READY, with templates of another release.")
    compared: int
    not_compared: int
    differences: list[UpgradeDifference] = Field(description="Replacements first.")


class Upgrade(Model):
    """An upgrade of all jobs' stacks, and its progress."""

    id: Name
    status: str = Field(description="RUNNING, PAUSED, SUCCEEDED, ABORTED")
    reason: str = Field(description="Why it is PAUSED or ABORTED.")
    template_version: str | None = Field(description="Null before its first step.")
    waves: list[int]
    wave: int = Field(description="The current one, from 0.")
    soak_seconds: int
    pause_on_failures: int
    total: int
    progress: list[UpgradeProgress] = Field(description="Of each wave that has begun.")
    failures: list[UpgradeFailure]
    by: str
    started_at: datetime
    ended_at: datetime | None
    changes: UpgradeChanges | None = Field(
        description="Of a dry run of its start; else null, or if they are not known."
    )


class DeadLetter(Model):
    """What failed for good, without its payload."""

    id: Name
    at: datetime
    reason: str
    error_type: str
    source: str
    jobs: list[str]
    redrive: str


class DeadLetters(Model):
    """Dead-letter messages, oldest first; there may be more unless it is `complete`."""

    messages: list[DeadLetter]
    complete: bool


class RedrivenMessage(Model):
    """A message that was redriven; it remains if a part of it could not be redriven."""

    id: Name
    remains: bool


class Redriven(Model):
    """What was redriven, or would be."""

    dry_run: bool
    redriven: list[RedrivenMessage]


class Discarded(Model):
    """What was removed, or would be."""

    dry_run: bool
    discarded: list[str]


class Health(Model):
    """The tables answer."""

    status: Literal["ok"]


class OpenApi(RootModel[dict[str, Any]]):
    """What describes the API."""


class ProblemType(Model):
    """A type of problem, and what to do about it."""

    type: Name
    status: int
    title: Name
    remedy: Name


class Problems(Model):
    """All types of problems."""

    problems: list[ProblemType]


class Version(Model):
    """What a row became, when, and by whom if that is known."""

    version: int
    at: str | None
    by: str | None
    proven: bool = Field(description="Whether `by` is proven, or only claimed.")
    via: str | None
    changed: list[str] = Field(description="Paths, at most 20.")
    more_changed: int
    deleted: bool


class Versions(Model):
    """Versions of a row, newest first."""

    versions: list[Version]


class RowChange(Model):
    """An attribute before and after; both null when hidden."""

    path: Name
    kind: Literal["added", "changed", "removed"]
    before: Any
    after: Any
    hidden: bool


class VersionDetail(Version):
    """A version with its row, null when it was deleted, and what differs from the one before."""

    row: dict[str, Any] | None
    changes: list[RowChange]


class Deployment(Model):
    """What a job's stack was made of, starting at one time."""

    number: int
    at: datetime = Field(description="When the stack was first seen in this state.")
    cause: str = Field(description=", ".join(Cause))
    by: str | None = Field(description="Who wrote the row, if that caused it and is known.")
    artifact: str | None = Field(description="The code, with its version or digest if it has one.")
    pinned: bool = Field(description="Whether the row pinned that version.")
    row_version: int | None = Field(
        description="Version of the row; null when it is no longer kept."
    )
    template_version: str | None
    current: bool


class Deployments(Model):
    """The last ten deployments of a job, newest first."""

    deployments: list[Deployment]


class ShownChange(Model):
    """An attribute before and after, as texts of one line."""

    path: str
    kind: str
    before: str
    after: str


class AuditEntry(Model):
    """An action."""

    id: str = ""
    at: str = ""
    ended_at: str | None = None
    action: str = ""
    job_name: str | None = None
    run: str | None = None
    outcome: Literal["begun", "done", "refused", "failed"] = "done"
    reason: str | None = None
    detail: str | None = None
    by: str = ""
    proven: bool = Field(default=True, description="Whether `by` is proven, or only claimed.")
    via: str = ""
    address: str | None = None
    request_id: str | None = None
    changes: list[ShownChange] = []
    more_changes: int = 0


class AuditPage(Model):
    """Who did what, newest first."""

    entries: list[AuditEntry]
    next: str | None


class Submitted(Model):
    """Accepted work; null for a dry run."""

    id: str | None
    job_name: Name
    run: str | None = Field(description="Null while it waits in the job's queue.")
    dry_run: bool


class Submission(Model):
    """The progress of a submission."""

    id: Name
    job_name: Name
    run: str | None = Field(description="Null while it waits in the job's queue.")
    status: str = Field(description=", ".join((*RunStatus, "STARTING", "DEAD_LETTER", "EXPIRED")))
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    result: "Stored"
    run_url: str | None
    redrive: str | None = Field(description="What has a dead-letter message delivered again.")
