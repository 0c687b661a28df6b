"""The naive function without what costs most: no tracing, batches or parser, only the libraries
that ours needs too, imported and used as usual. Only ever imported; see bench.cold_start.
"""

from __future__ import annotations

import os
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext  # noqa: TC002  (as one does)
from pydantic import BaseModel, Field
from troposphere import (
    Template,
    awslambda,
    cloudwatch,
    ec2,
    ecs,
    iam,
    logs,
    scheduler,
    stepfunctions,
)

RESOURCES = (
    awslambda.Function,
    cloudwatch.Alarm,
    ec2.SecurityGroup,
    ecs.TaskDefinition,
    iam.Role,
    logs.LogGroup,
    scheduler.Schedule,
    stepfunctions.StateMachine,
)

logger = Logger()
metrics = Metrics(namespace="provisioner")

stacks_table = boto3.resource("dynamodb").Table(os.environ["STACKS_TABLE"])
cloudformation = boto3.client("cloudformation")
s3 = boto3.client("s3")


class Job(BaseModel):
    job_name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    type: Literal["lambda", "ecs"]
    description: str = ""
    owner: str = ""
    tags: dict[str, str] = {}
    runtime: str | None = None
    handler: str | None = None
    bundle: str | None = None
    image: str | None = None
    command: list[str] = []
    cpu: int = Field(default=256, ge=256, le=16384)
    memory_mb: int = Field(default=128, ge=128, le=122880)
    schedule: list[str] = []
    timezone: str = "UTC"
    payload: dict[str, Any] = {}
    overlap: Literal["skip", "allow"] = "skip"
    timeout_seconds: int = Field(default=3600, ge=1)
    retries: int = Field(default=0, ge=0, le=10)
    environment: dict[str, str] = {}
    permissions: list[dict[str, Any]] = []


def save(job: Job) -> None:
    template = Template(Description=job.description)
    stack = cloudformation.create_stack(StackName=job.job_name, TemplateBody=template.to_json())
    stacks_table.put_item(Item={"job_name": job.job_name, "stack_id": stack["StackId"]})


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    for record in event["Records"]:
        save(Job.model_validate(record["dynamodb"]["NewImage"]))
