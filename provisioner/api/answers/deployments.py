"""What a job's stack was made of."""

from datetime import datetime

from pydantic import Field

from provisioner.api.answers.model import Model
from provisioner.stacks.model import Cause


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
