"""A job that runs as a container on ECS."""

from typing import Annotated, Literal

from provisioner.jobs.model import checked
from provisioner.jobs.types.fargate_job import FargateJob
from provisioner.jobs.values import choice


class EcsJob(FargateJob):
    """A job that runs as a container, a task of ECS on Fargate."""

    type: Annotated[Literal["ecs"], checked(choice(("ecs",)))]
