"""What a job's stack was made of."""

from datetime import datetime

from pydantic import Field

from provisioner.api.answers.model import Model
from provisioner.service.canary_state import State
from provisioner.stacks.model import Cause


class Canary(Model):
    """How far the first runs of a deployment, which decide whether it stays, have come."""

    deployment: int = Field(description="The number of the deployment that is judged.")
    since: datetime = Field(description="Runs that begin later decide.")
    runs: int = Field(description="How many runs decide.")
    succeeded: int = Field(description="How many of them have succeeded.")
    state: State = Field(description="`failed` while the job still runs that deployment.")
    run: str | None = Field(description="The run that decided: the one that failed, or the last.")
    rolls_back_to: int | None = Field(
        description="The deployment to which a failure rolls the job back; null if to none."
    )


class Deployment(Model):
    """What a job's stack was made of, starting at one time."""

    number: int
    at: datetime = Field(description="When the stack was first seen in this state.")
    cause: str = Field(description=", ".join(Cause))
    by: str | None = Field(description="Writer of the row, if that caused it and is known.")
    artifact: str | None = Field(description="The code, with its version or digest if it has one.")
    pinned: bool = Field(description="Whether the row pinned that version.")
    row_version: int | None = Field(
        description="Version of the row; null if it is no longer stored."
    )
    template_version: str | None
    current: bool
    canary: Canary | None = Field(description="The deployment that is judged, or was judged last.")


class Deployments(Model):
    """The last ten deployments of a job, newest first."""

    deployments: list[Deployment]
    next: str | None
