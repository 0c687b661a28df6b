"""What requests may say: query parameters and bodies, with their limits.

Texts in a query are read strictly: a number is its digits, a flag is `true` or `false`.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from provisioner.jobs.model import Overlap
from provisioner.runs.model import RunStatus
from provisioner.service.bulk_selection import BulkAction
from provisioner.stacks.model import JobStatus
from provisioner.stacks.upgrade import (
    DEFAULT_SOAK,
    DEFAULT_WAVES,
    LONGEST_SOAK,
    MOST_ALLOWED_FAILURES,
    MOST_WAVES,
)

_DIGITS = re.compile(r"[0-9]{1,6}")
MAX_WAIT_SECONDS = 20
"""Below the 30 seconds after which API Gateway gives up (HTTP API quotas), with room to answer."""


def _number(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        message = "must be a number"
        raise ValueError(message)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        message = 'must be "true" or "false"'
        raise ValueError(message)
    return value


def _time(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT.+", value, re.ASCII):
        message = "must be a time like 2026-11-26T09:00:00Z"
        raise ValueError(message)
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        message = "must be a time between the years 1 and 9999 in UTC"
        raise ValueError(message) from error


Number = Annotated[int, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Time = Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_in_utc)]
Text = Annotated[str, Field(max_length=200)]
Tag = Annotated[str, Field(max_length=400, pattern=r"^[^=]")]


class Strict(BaseModel):
    """Refuses what it does not know: a misspelt filter would find too much."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Strict):
    """A read without parameters."""


class Write(Strict):
    """Every write can be tried."""

    dry_run: Flag = Field(default=False, description="Check and plan only; nothing is changed.")


class Build(Write):
    """What to build, of a job whose source is in a Git repository."""

    commit: str | None = Field(
        default=None,
        min_length=40,
        max_length=40,
        description="Its SHA-1 in full, which the job's row names from now on.",
    )


class Page(Strict):
    """Every list comes in pages."""

    limit: Number = Field(default=50, ge=1, le=100, description="The most items of the page.")
    cursor: str | None = Field(
        default=None, min_length=1, max_length=2000, description="`next` of the previous page."
    )
    fields: str | None = Field(
        default=None,
        max_length=1000,
        description="Fields to return, separated by commas.",
    )

    @property
    def filters(self) -> dict[str, object]:
        """What the cursor is bound to."""
        return self.model_dump(exclude={"limit", "cursor", "fields"}, exclude_none=True)


class ListJobs(Page):
    """Filters of jobs; a page may have fewer than `limit` although more follow."""

    prefix: str = Field(default="", max_length=40, description="Beginning of the names.")
    status: JobStatus | None = None
    type: Literal["lambda", "ecs", "batch", "ec2"] | None = None
    owner: Text | None = None
    tag: Tag | None = Field(default=None, description="`team=data`, or `team` with any value.")


class ListRuns(Page):
    """Filters of runs; a page may have fewer than `limit` although more follow."""

    since: Time | None = Field(default=None, description="Runs that began after this time.")
    status: RunStatus | None = None


class ListAllRuns(ListRuns):
    """Filters of the runs of all jobs."""

    tag: Tag | None = Field(
        default=None, description="A tag that their jobs have now: `team=data`, or `team`."
    )


class ListItems(Page):
    """Filters of a run's items."""

    status: Literal["SUCCEEDED", "FAILED"] | None = None


class ListAudit(Page):
    """Filters of the audit."""

    since: Time | None = Field(default=None, description="Entries since this time.")


class ListJobAudit(ListAudit):
    """Filters of the audit of a job."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")] | None = Field(
        default=None, description="Only entries about this run."
    )


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
    error_group: Annotated[str, Field(max_length=1000)] | None = None
    prefix: Annotated[str, Field(max_length=40)] = ""
    type: Text | None = None
    owner: Text | None = None
    tag: Tag | None = None


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
