"""Jobs, their stacks and what they cost."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from provisioner.api.answers.deployments import Canary
from provisioner.api.answers.model import Model, Name
from provisioner.api.answers.rows import Row
from provisioner.api.answers.runs import Cost, Run
from provisioner.runs.model import RunStatus
from provisioner.stacks.model import JobStatus


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
    strip: list[RunStatus] = Field(default=[], description="The last twenty runs, oldest first.")
    usual_seconds: float | None = None
    next_at: datetime | None = None
    running_since: datetime | None = None
    updated_at: datetime | None = None


class JobsPage(Model):
    """Jobs in the order of their names."""

    jobs: list[Job]
    next: str | None


class Stack(BaseModel):
    """A row of the Stacks table (docs/reference/stacks.md)."""

    model_config = ConfigDict(extra="allow")
    job_name: Name
    status: JobStatus


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
    canary: Canary | None


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
    next: str | None
