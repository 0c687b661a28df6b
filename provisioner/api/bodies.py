"""Bodies of requests, with their limits."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from provisioner.api.values import Strict, Tag, Text, Time
from provisioner.jobs.model import Overlap
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.service.bulk_selection import BulkAction
from provisioner.stacks.upgrade import (
    DEFAULT_SOAK,
    DEFAULT_WAVES,
    LONGEST_SOAK,
    MOST_ALLOWED_FAILURES,
    MOST_WAVES,
)


class StartRun(Strict):
    """A run to start."""

    payload: dict[str, Any] = Field(default={}, description="Merged over the row's payload.")
    overrides: dict[str, Any] = Field(
        default={}, description="What `allow_overrides` of the row lets a run change."
    )
    overlap: Overlap | None = Field(default=None, description="Instead of the row's.")


class Submit(StartRun):
    """Work for the job that is named."""

    job_name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    submission_id: Annotated[str, Field(pattern="^[!-~]{1,255}$")] | None = Field(
        default=None,
        description="A request with the same id is the same work, as with Idempotency-Key.",
    )


class RunAgain(Strict):
    """A run to repeat; what is absent is as it was."""

    payload: dict[str, Any] | None = None
    overrides: dict[str, Any] | None = None
    overlap: Overlap | None = None


class Rollback(Strict):
    """What to go back to."""

    to: Annotated[int, Field(ge=1, le=999_999_999, strict=True)] | None = Field(
        default=None,
        description="Number of a deployment; default: the one before what the row asks for.",
    )


class Reason(Strict):
    """Why something is done; people read it later."""

    reason: Text = ""


class Note(Strict):
    """Why a schedule is paused."""

    note: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class Backfill(Strict):
    """A span of time that has passed."""

    start: Annotated[str, Field(max_length=40)] = Field(
        description="ISO 8601; in the job's time zone if it has no offset."
    )
    end: Annotated[str, Field(max_length=40)] = Field(description="The first time after the span.")
    overlap: Overlap = "queue_all"


class BulkFilter(Strict):
    """Which jobs or runs; docs/reference/api.md says which of these are for which."""

    job: Text | None = None
    status: Text | None = None
    since: Time | None = None
    until: Time | None = None
    started_by: Text | None = None
    error_group: Annotated[str, Field(max_length=1000)] | None = None
    prefix: Annotated[str, Field(max_length=40)] = ""
    type: Text | None = None
    owner: Text | None = None
    tag: Tag | None = None
    schedule: ScheduleFilter | None = None


class StartBulk(Strict):
    """One action on many jobs or runs; either `ids` or a filter that is not empty."""

    action: BulkAction
    ids: (
        list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}(/[A-Za-z0-9_.-]{1,80})?$")]]
        | None
    ) = Field(default=None, max_length=500, description="Names of jobs, or of runs as `job/run`.")
    filter: BulkFilter | None = None
    expected_count: int = Field(ge=0, le=500, strict=True)
    expected: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = Field(
        default=None, description="`digest` of the targets, as a dry run returns it."
    )
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class StartUpgrade(Strict):
    """How the stacks of all jobs are updated."""

    waves: list[Annotated[int, Field(ge=1, le=100, strict=True)]] = Field(
        default=[*DEFAULT_WAVES],
        min_length=1,
        max_length=MOST_WAVES,
        description="Shares of all outdated jobs in percent, which grow to 100.",
    )
    soak_seconds: int = Field(
        default=int(DEFAULT_SOAK.total_seconds()),
        ge=0,
        le=int(LONGEST_SOAK.total_seconds()),
        strict=True,
        description="How long a wave waits after its last update for runs that fail.",
    )
    pause_on_failures: int = Field(default=1, ge=1, le=MOST_ALLOWED_FAILURES, strict=True)


class ResumeUpgrade(Strict):
    """What becomes of the stacks that failed."""

    retry_failed: bool = Field(default=False, strict=True)


class AbortUpgrade(Strict):
    """Why."""

    reason: str = Field(default="", max_length=200)


class DeadLetterIds(Strict):
    """Which dead-letter messages."""

    ids: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=100
    )


class RowBody(BaseModel):
    """A row, with any attributes that docs/reference/jobs.md has."""

    model_config = ConfigDict(extra="allow")


class MergePatch(BaseModel):
    """Attributes to set; null removes one (RFC 7396)."""

    model_config = ConfigDict(extra="allow")
