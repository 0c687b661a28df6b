"""Query parameters, with their limits."""

from typing import Annotated, Literal

from pydantic import Field

from provisioner.api.routes.route import MAX_WAIT_SECONDS
from provisioner.api.values import Flag, Number, Strict, Tag, Text, Time
from provisioner.audit.entries import Outcome
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.runs.model import RunStatus
from provisioner.service.rights import Action
from provisioner.stacks.model import JobStatus


class NoParameters(Strict):
    """A read without parameters."""


class Write(Strict):
    """Every write can be tried."""

    dry_run: Flag = Field(default=False, description="Check and plan only; nothing is changed.")


class StartBuild(Write):
    """What to build, of a job whose source is in a Git repository."""

    commit: str | None = Field(
        default=None,
        min_length=40,
        max_length=40,
        description="Its SHA-1 in full, which the job's row names from now on.",
    )


class Pages(Strict):
    """Every list comes in pages."""

    limit: Number = Field(default=50, ge=1, le=100, description="The most items of the page.")
    cursor: str | None = Field(
        default=None, min_length=1, max_length=2000, description="`next` of the previous page."
    )

    @property
    def filters(self) -> dict[str, object]:
        """What the cursor is bound to."""
        return self.model_dump(exclude={"limit", "cursor", "fields"}, exclude_none=True)


class ListOptions(Pages):
    """Lists that may be long: of their items callers choose the fields."""

    fields: str | None = Field(
        default=None,
        max_length=1000,
        description="Fields to return, separated by commas.",
    )


class ListJobs(ListOptions):
    """Filters of jobs; a page may have fewer than `limit` although more follow."""

    prefix: str = Field(default="", max_length=40, description="Beginning of the names.")
    status: JobStatus | None = None
    type: Literal["lambda", "ecs", "batch", "ec2"] | None = None
    owner: Text | None = None
    tag: Tag | None = Field(default=None, description="`team=data`, or `team` with any value.")
    schedule: ScheduleFilter | None = Field(
        default=None, description="Jobs with a schedule, with one that is paused, or with none."
    )


class ListRuns(ListOptions):
    """Filters of runs; a page may have fewer than `limit` although more follow."""

    since: Time | None = Field(default=None, description="Runs that began after this time.")
    until: Time | None = Field(default=None, description="Runs that began before this time.")
    status: RunStatus | None = None
    started_by: Text | None = Field(
        default=None, description="A part of the name of who is said to have started them."
    )


class ListAllRuns(ListRuns):
    """Filters of the runs of all jobs."""

    tag: Tag | None = Field(
        default=None, description="A tag that their jobs have now: `team=data`, or `team`."
    )


class ListItems(ListOptions):
    """Filters of a run's items."""

    status: Literal["SUCCEEDED", "FAILED"] | None = None


class ListAudit(ListOptions):
    """Filters of the audit; a page may have fewer than `limit` although more follow."""

    since: Time | None = Field(default=None, description="Entries since this time.")
    until: Time | None = Field(default=None, description="Entries before this time.")
    action: Action | None = None
    by: Text | None = Field(default=None, description="A part of the name of who did it.")
    outcome: Outcome | None = None


class ListJobAudit(ListAudit):
    """Filters of the audit of a job."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")] | None = Field(
        default=None, description="Only entries about this run."
    )


class ListDeadLetters(Strict):
    """A queue has no order, so there is no cursor: handle these messages, then list the others."""

    limit: Number = Field(default=1000, ge=1, le=1000, description="The most messages.")


class GetRun(Strict):
    """Reading a run."""

    wait: Number = Field(
        default=0,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="Seconds to wait for the run's end; the answer comes earlier if it ends.",
    )


class GetLog(Strict):
    """A page of a run's log."""

    limit: Number = Field(default=100, ge=1, le=1000, description="The most lines.")
    cursor: str | None = Field(default=None, min_length=1, max_length=2000)
    order: Literal["newest", "oldest"] = Field(
        default="newest", description="Whether the first page is the log's end or its beginning."
    )


class GetSchedule(Strict):
    """Reading a schedule."""

    count: Number = Field(default=10, ge=1, le=100, description="How many next scheduled times.")
