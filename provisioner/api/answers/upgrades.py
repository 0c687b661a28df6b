"""The stacks of all jobs, brought to this release."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from provisioner.api.answers.model import Model, Name


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
    at: datetime | None = Field(description="When the stack failed; null for a run.")


class UpgradeDifference(Model):
    """A kind of difference between stacks' templates and those of this release."""

    verb: Literal["replaced", "deleted", "changed", "added"]
    type: Name = Field(description="Type of the resource.")
    property: str = Field(description='"" if it is about the whole resource.')
    jobs: int = Field(description="How many of the compared jobs have it.")
    example: Name = Field(description="One of these jobs.")


class UpgradeChanges(Model):
    """What an upgrade would change. If there are many jobs, a random sample is compared."""

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
    progress: list[UpgradeProgress] = Field(description="One for each wave that has begun.")
    failures: list[UpgradeFailure]
    by: str
    started_at: datetime
    ended_at: datetime | None
    changes: UpgradeChanges | None = Field(
        description="Null, except after a dry run of a start that could compare templates."
    )
