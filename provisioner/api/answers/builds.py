"""Builds of a job's code."""

from datetime import datetime

from pydantic import Field

from provisioner.api.answers.model import Model
from provisioner.stacks.model import BuildStatus


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
    next: str | None
