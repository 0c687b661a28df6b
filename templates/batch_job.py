"""The stack of a job that runs as a container on AWS Batch, from top to bottom."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from troposphere import AWSObject, GetAtt, Ref

from provisioner.jobs import stack_name
from templates.container import (
    environment,
    result_key,
    run_variables,
)
from templates.fargate import (
    ARCHITECTURES,
    container_role,
    image_outputs,
    storage_gib,
)
from templates.parts.arns import in_account
from templates.parts.logs import log_group
from templates.parts.outputs import shared_outputs
from templates.parts.part import JobResources
from templates.workflow import fan_out, programs, spot
from templates.workflow.definition import state_machine
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    call,
    concat,
    either,
    expression,
    included,
    merge,
    variable,
    when,
)
from templates.workflow.prepare import CONTAINER_PROBLEM
from templates.workflow.work import Work

if TYPE_CHECKING:
    from troposphere import PropsDictType
    from troposphere.iam import Role
    from troposphere.logs import LogGroup

    from provisioner.jobs import BatchJob
    from provisioner.settings import Platform
    from templates.workflow.jsonata import Value

STREAM_PREFIX = "job"
"""Batch adds ``/default/`` and the id of the attempt's task."""

REFUSALS = (
    "Batch.AWSBatchException",
    "Batch.ServerException",
    "Batch.TooManyRequestsException",
    programs.ROLE_NOT_READY,
)

START_ATTEMPTS = 3
"""How often Batch tries to start a container for one attempt of ours."""

_STARTS_AGAIN = (
    {"OnStatusReason": "Task failed to start*"},
    {"OnStatusReason": "Timeout waiting for network interface provisioning*"},
)
"""Ends of a container that never began. No rule that matches means another attempt, so the list
needs its last rule."""

_INTERRUPTED = {"OnStatusReason": "Your Spot Task was interrupted*"}
_GIVES_UP = {"Action": "EXIT", "OnReason": "*"}


class JobDefinition(AWSObject):  # type: ignore[misc]  # troposphere is not typed
    """``AWS::Batch::JobDefinition``: the import of ``troposphere.batch`` takes as long as ours."""

    resource_type = "AWS::Batch::JobDefinition"
    props: ClassVar[PropsDictType] = {
        "JobDefinitionName": (str, True),
        "Type": (str, True),
        "PlatformCapabilities": ([str], True),
        "PropagateTags": (bool, True),
        "ContainerProperties": (dict, True),
        "RetryStrategy": (dict, True),
        "Timeout": (dict, True),
        "ResourceRetentionPolicy": (dict, True),
        "Tags": (dict, False),
    }


def resources(job: BatchJob, platform: Platform) -> JobResources:
    """Return all that is in the stack whatever the row says of schedules, alarms and messages."""
    logs = log_group(job, platform)
    code_role = container_role(job, platform)
    definition = job_definition(job, platform, code_role, logs)
    # Batch retries the children of an array itself; the array as a whole is not tried again.
    run_by_us = job.model_copy(update={"retries": 0}) if job.array_size else job
    workflow = state_machine(run_by_us, platform, _work(job, platform, definition))
    outputs = {
        **shared_outputs(workflow, code_role, logs),
        "BatchJobDefinitionArn": Ref(definition),
        "BatchJobQueueArn": in_account(platform.batch_queue_arn(job.priority), platform),
        **image_outputs(job),
    }
    return JobResources([logs, code_role, definition, workflow], outputs, workflow=workflow)


def job_definition(
    job: BatchJob, platform: Platform, code_role: Role, logs: LogGroup
) -> JobDefinition:
    """Return the job definition; each change of it is a revision, which the workflow names.

    The one before stays ACTIVE: runs in progress submit jobs of it
    (`provisioner.stacks.task_definitions`).
    """
    return JobDefinition(
        "JobDefinition",
        JobDefinitionName=stack_name(platform.prefix, job.job_name),
        Type="container",
        PlatformCapabilities=["FARGATE"],
        PropagateTags=True,
        ContainerProperties=_container(job, platform, code_role, logs),
        RetryStrategy=_retry_strategy(job),
        Timeout={"AttemptDurationSeconds": job.attempt_timeout_seconds},
        ResourceRetentionPolicy={"SkipDeregisterOnUpdate": True},
    )


def _container(
    job: BatchJob, platform: Platform, code_role: Role, logs: LogGroup
) -> dict[str, object]:
    container: dict[str, object] = {
        "Image": job.image,
        "JobRoleArn": GetAtt(code_role, "Arn"),
        "ExecutionRoleArn": in_account(platform.execution_role_arn, platform),
        "ResourceRequirements": [
            {"Type": "VCPU", "Value": f"{job.cpu / 1024:g}"},
            {"Type": "MEMORY", "Value": str(job.memory_mb)},
        ],
        "RuntimePlatform": {
            "CpuArchitecture": ARCHITECTURES[job.architecture],
            "OperatingSystemFamily": "LINUX",
        },
        "NetworkConfiguration": {"AssignPublicIp": _public_ip(job, platform)},
        "Environment": [
            {"Name": name, "Value": value} for name, value in environment(job, platform).items()
        ],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": Ref(logs),
                "awslogs-region": platform.region,
                "awslogs-stream-prefix": STREAM_PREFIX,
            },
        },
    }
    if job.command:
        container["Command"] = list(job.command)
    if job.secrets:
        container["Secrets"] = [
            {"Name": name, "ValueFrom": arn} for name, arn in sorted(job.secrets.items())
        ]
    if size := storage_gib(job):
        container["EphemeralStorage"] = {"SizeInGiB": size}
    return container


def _public_ip(job: BatchJob, platform: Platform) -> str:
    own = job.network.assign_public_ip if job.network else None
    return "ENABLED" if (platform.assign_public_ip if own is None else own) else "DISABLED"


def _retry_strategy(job: BatchJob) -> dict[str, object]:
    """Return what Batch does about an attempt that failed.

    What the job's own failures lead to is the workflow's to say, but for the children of an array,
    which only Batch can start again one by one.
    """
    if job.array_size and job.retries:
        return {"Attempts": 1 + job.retries}
    starts_again = (*_STARTS_AGAIN, _INTERRUPTED) if job.array_size else _STARTS_AGAIN
    rules = [{"Action": "RETRY", **condition} for condition in starts_again]
    return {"Attempts": START_ATTEMPTS, "EvaluateOnExit": [*rules, _GIVES_UP]}


def _overrides(job: BatchJob, platform: Platform) -> object:
    """Return what a run gives its container: its input, and what else the row leaves to the run."""
    variables = run_variables(job, platform)
    own: list[Value] = [{"Name": name, "Value": value} for name, value in variables.items()]
    if not job.allow_overrides:
        return {"Environment": own}
    command = variable("asked.command")
    return block(
        programs.OVERRIDES,
        merge(
            {"Environment": call("append", variable("environment"), own)},
            included(call("exists", command), {"Command": [command]}),
            included(_another_size(), {"ResourceRequirements": _size(job)}),
        ),
    )


def _another_size() -> Expression:
    return either(
        call("exists", variable("asked.cpu")), call("exists", variable("asked.memory_mb"))
    )


def _size(job: BatchJob) -> list[Value]:
    cpu, memory_mb = variable("asked.cpu"), variable("asked.memory_mb")
    asked_cpu = when(call("exists", cpu), cpu, job.cpu)
    asked_memory = when(call("exists", memory_mb), memory_mb, job.memory_mb)
    return [
        {"Type": "VCPU", "Value": call("string", asked_cpu / 1024)},
        {"Type": "MEMORY", "Value": call("string", asked_memory)},
    ]


def _queue(job: BatchJob, platform: Platform) -> Value:
    on_demand = platform.batch_queue_arn(job.priority)
    if job.spot == "never":
        return on_demand
    return when(spot.ON_SPOT, platform.batch_queue_arn(job.priority, spot=True), on_demand)


@cache
def _details() -> Expression:
    """Return the details of a job that succeeded, or raise an error if Spot took its capacity.

    A container that then ends tidily has the exit code 0, and Batch takes it for a success.
    """
    reason = variable("batch.StatusReason")
    return block(
        assign("batch", variable("states.result")),
        assign("job", variable("batch.Container")),
        programs.BATCH_JOB,
        when(
            variable("interrupted"),
            call("error", concat(programs.SPOT_INTERRUPTION, ": ", reason)),
            variable("details"),
        ),
    )


def _work(job: BatchJob, platform: Platform, definition: JobDefinition) -> Work:
    arguments: dict[str, object] = {
        "JobName": concat("run-", fan_out.started_by(job)),
        "JobQueue": _queue(job, platform),
        "JobDefinition": Ref(definition),
        "ShareIdentifier": job.share,
        "ContainerOverrides": _overrides(job, platform),
        "Tags": {"provisioner": platform.prefix},
    }
    if job.array_size:
        arguments["ArrayProperties"] = {"Size": job.array_size}
    return Work(
        resource=f"arn:{platform.partition}:states:::batch:submitJob.sync",
        arguments=arguments,
        timeout_seconds=_longest(job),
        refusals=REFUSALS,
        problem=CONTAINER_PROBLEM,
        details=_details(),
        output=_array_output() if job.array_size else _output(),
        result_key=result_key(job) if job.result else None,
        failure=programs.BATCH_FAILURE,
        spot=job.spot,
    )


def _longest(job: BatchJob) -> int:
    """Return how long the workflow waits for an attempt: Batch itself limits what it runs."""
    if job.queued_timeout_seconds is None:
        return job.timeout_seconds
    return min(job.timeout_seconds, job.queued_timeout_seconds + job.attempt_timeout_seconds)


@cache
def _output() -> Expression:
    return expression(
        {
            "exit_code": 0,
            "batch_job_id": variable("states.result.JobId"),
            "log_stream": variable("states.result.Container.LogStreamName"),
        }
    )


@cache
def _array_output() -> Expression:
    return expression(
        {
            "batch_job_id": variable("states.result.JobId"),
            "array_size": variable("states.result.ArrayProperties.Size"),
        }
    )
