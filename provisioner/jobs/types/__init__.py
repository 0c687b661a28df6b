"""One module a type of job: what its row says besides what every row says."""

from typing import TypeAlias

from provisioner.jobs.types.ecs_job import EcsJob
from provisioner.jobs.types.lambda_job import LambdaJob

__all__ = ["EcsJob", "Job", "LambdaJob"]

Job: TypeAlias = LambdaJob | EcsJob
