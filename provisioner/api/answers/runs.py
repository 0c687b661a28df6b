"""Runs and the items of fan-outs."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from provisioner.api.answers.model import Model, Name
from provisioner.runs.model import RunStatus


class Run(Model):
    """A run as a line of a list."""

    run: Name = ""
    trigger_id: Name = ""
    job_name: Name = ""
    status: str = Field(default="", description=", ".join((*RunStatus, "STARTING")))
    started_at: datetime | None = None
    ended_at: datetime | None = None
    started_by: str | None = Field(default=None, description="The claimed name of its starter.")
    source: str | None = None
    attempts: int | None = None
    error: str | None = None
    error_group: str | None = None
    estimated_cost: float | None = Field(default=None, description="USD")


class RunsPage(Model):
    """Runs, newest first."""

    runs: list[Run]
    next: str | None


class Cost(Model):
    """USD; `least` differs from `usd` where it is not known exactly."""

    usd: float
    least: float


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


class Item(Model):
    """An item of a fan-out as a line of a list."""

    index: int = 0
    status: RunStatus = RunStatus.SUCCEEDED
    ended_at: datetime | None = None
    attempts: int | None = Field(default=None, description="Only for items that failed.")
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
