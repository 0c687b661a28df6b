"""One module per job type: the attributes that only rows of this type have."""

from typing import TypeAlias

from provisioner.jobs.types.batch_job import BatchJob
from provisioner.jobs.types.container_job import ContainerJob, Spot
from provisioner.jobs.types.ec2_job import Ec2Job
from provisioner.jobs.types.ecs_job import EcsJob
from provisioner.jobs.types.fargate_job import FargateJob
from provisioner.jobs.types.lambda_job import LambdaJob
from provisioner.jobs.types.with_image import WithImage

__all__ = [
    "BatchJob",
    "ContainerJob",
    "Ec2Job",
    "EcsJob",
    "FargateJob",
    "Job",
    "LambdaJob",
    "Spot",
    "WithImage",
]

Job: TypeAlias = LambdaJob | EcsJob | BatchJob | Ec2Job
