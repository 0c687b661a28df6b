"""A row as a job: pure, it knows neither AWS nor the clock.

`parse` reads an item of the Jobs table and returns a frozen job of its type, or an `InvalidRow`
with every error at once. `size_limits` measures the item, `rows` takes it apart, `model` and
`types` say what each attribute may be, with a module for each kind of value; `digest` and `names`
derive what the stack is known by. `permitted` holds a job to what the bootstrap's parameters
open to rows.
"""

from provisioner.jobs.allowed import permitted
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.dependencies import dependencies_of
from provisioner.jobs.digest import row_digest, spec_digest
from provisioner.jobs.egress import EgressRule
from provisioner.jobs.errors import FieldError, InvalidRow
from provisioner.jobs.failure_rules import FailureRule
from provisioner.jobs.fan_out import MAX_ITEMS, FanOut
from provisioner.jobs.grants import Grant, SubmitGrant
from provisioner.jobs.model import OVERLAPS
from provisioner.jobs.names import is_job_name, job_name_of, stack_name
from provisioner.jobs.network import Network
from provisioner.jobs.notify import DEFAULT_EVENTS, Event
from provisioner.jobs.parsing import parse
from provisioner.jobs.planned_schedules import PlannedSchedule, planned
from provisioner.jobs.queue import Queue
from provisioner.jobs.tracked import tracked_artifacts
from provisioner.jobs.types import (
    BatchJob,
    ContainerJob,
    Ec2Job,
    EcsJob,
    FargateJob,
    Job,
    LambdaJob,
    Spot,
    WithImage,
)

__all__ = [
    "DEFAULT_EVENTS",
    "MAX_ITEMS",
    "OVERLAPS",
    "BatchJob",
    "ContainerJob",
    "Ec2Job",
    "EcsJob",
    "EgressRule",
    "Event",
    "FailureRule",
    "FanOut",
    "FargateJob",
    "FieldError",
    "Grant",
    "InvalidRow",
    "Job",
    "LambdaJob",
    "Network",
    "PlannedSchedule",
    "Queue",
    "S3Object",
    "Spot",
    "SubmitGrant",
    "WithImage",
    "dependencies_of",
    "is_job_name",
    "job_name_of",
    "parse",
    "permitted",
    "planned",
    "row_digest",
    "spec_digest",
    "stack_name",
    "tracked_artifacts",
]
