"""What jobs have whose containers run on Fargate, whichever service starts them."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from provisioner.jobs import sizes
from provisioner.jobs.model import checked
from provisioner.jobs.types.container_job import ContainerJob
from provisioner.jobs.values import words

OVERRIDABLE = ("command", "environment", "size")
"""What a row may leave to a single run."""


class FargateJob(ContainerJob):
    """A job of which each attempt starts a container on Fargate."""

    cpu: Annotated[int, checked(sizes.fargate_cpu)] = 256
    memory_mb: Annotated[int, checked(sizes.fargate_memory_mb)] = Field(
        default_factory=lambda data: sizes.FARGATE_MEMORY_MB[data["cpu"]][0]
    )
    ephemeral_storage_mb: Annotated[int | None, checked(sizes.fargate_storage_mb)] = None
    allow_overrides: Annotated[tuple[str, ...], checked(words(OVERRIDABLE))] = ()

    @field_validator("memory_mb")
    @classmethod
    def _pair(cls, memory_mb: int, info: ValidationInfo) -> int:
        if "cpu" in info.data:
            sizes.fargate_pair(info.data["cpu"], memory_mb)
        return memory_mb
