"""The stack of a job that runs as a container on Fargate, from top to bottom."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref
from troposphere.ecs import (
    ContainerDefinition,
    Environment,
    EphemeralStorage,
    LogConfiguration,
    RuntimePlatform,
    Secret,
    TaskDefinition,
)

from provisioner.jobs import stack_name
from templates.container import (
    CONTAINER,
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
from templates.parts.network import security_group, task_network
from templates.parts.outputs import shared_outputs
from templates.parts.part import JobResources
from templates.workflow import fan_out, programs, spot
from templates.workflow.definition import state_machine
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    call,
    cases,
    concat,
    expression,
    included,
    merge,
    negated,
    variable,
    when,
)
from templates.workflow.prepare import CONTAINER_PROBLEM
from templates.workflow.work import Work

if TYPE_CHECKING:
    from troposphere.iam import Role
    from troposphere.logs import LogGroup

    from provisioner.jobs import EcsJob
    from provisioner.settings import Platform
    from templates.parts.network import SecurityGroup
    from templates.workflow.jsonata import Value

REFUSALS = (
    "ECS.ThrottlingException",
    "ECS.AmazonECSException",
    "ECS.LimitExceededException",
    programs.INSUFFICIENT_CAPACITY,
    programs.ROLE_NOT_READY,
)

SPOT_STOP_SECONDS = 120
"""How long before a Spot task ends its containers are told to stop, at most (Amazon ECS Developer
Guide, Fargate capacity providers)."""


def resources(job: EcsJob, platform: Platform) -> JobResources:
    """Return all that is in the stack whatever the row says of schedules, alarms and messages."""
    logs = log_group(job, platform)
    code_role = container_role(job, platform)
    group = security_group(job, platform)
    task = task_definition(job, platform, code_role, logs)
    workflow = state_machine(job, platform, _work(job, platform, task, group))
    outputs = {
        **shared_outputs(workflow, code_role, logs),
        "TaskDefinitionArn": Ref(task),
        "EcsClusterArn": platform.ecs_cluster_arn,
        **image_outputs(job),
    }
    made = [logs, code_role, task, workflow]
    if group is not None:
        made.append(group)
        outputs["SecurityGroupId"] = GetAtt(group, "GroupId")
    return JobResources(made, outputs, workflow=workflow)


def task_definition(
    job: EcsJob, platform: Platform, code_role: Role, logs: LogGroup
) -> TaskDefinition:
    """Return the task definition; each change of it is a revision, which the workflow names.

    The one before stays ACTIVE: runs in progress start tasks of it
    (`provisioner.stacks.task_definitions`).
    """
    task = TaskDefinition(
        "TaskDefinition",
        Family=stack_name(platform.prefix, job.job_name),
        RequiresCompatibilities=["FARGATE"],
        NetworkMode="awsvpc",
        Cpu=str(job.cpu),
        Memory=str(job.memory_mb),
        RuntimePlatform=RuntimePlatform(
            CpuArchitecture=ARCHITECTURES[job.architecture], OperatingSystemFamily="LINUX"
        ),
        TaskRoleArn=GetAtt(code_role, "Arn"),
        ExecutionRoleArn=in_account(platform.execution_role_arn, platform),
        ContainerDefinitions=[_container(job, platform, logs)],
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Retain",
    )
    if size := storage_gib(job):
        task.EphemeralStorage = EphemeralStorage(SizeInGiB=size)
    return task


def _container(job: EcsJob, platform: Platform, logs: LogGroup) -> ContainerDefinition:
    container = ContainerDefinition(
        Name=CONTAINER,
        Image=job.image,
        Essential=True,
        Environment=[
            Environment(Name=name, Value=value)
            for name, value in environment(job, platform).items()
        ],
        LogConfiguration=LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": Ref(logs),
                "awslogs-region": platform.region,
                "awslogs-stream-prefix": CONTAINER,
            },
        ),
    )
    if job.spot != "never":
        container.StopTimeout = SPOT_STOP_SECONDS
    if job.command:
        container.Command = list(job.command)
    if job.secrets:
        container.Secrets = [
            Secret(Name=name, ValueFrom=arn) for name, arn in sorted(job.secrets.items())
        ]
    return container


@cache
def _details() -> Expression:
    """Return the details of a task whose container ended by itself with 0, else raise an error."""
    reasons = call("join", variable("reasons"), ". ")
    stopped, exit_code = variable("stopped"), variable("job.ExitCode")
    unknown = when(call("exists", exit_code), reasons, "Exit code unknown")
    return block(
        assign("task", variable("states.result")),
        programs.STOPPED_TASK,
        cases(
            (call("exists", stopped), call("error", concat(stopped, ": ", reasons))),
            (negated(exit_code.equals(0)), call("error", concat("ContainerFailed: ", unknown))),
            otherwise=variable("details"),
        ),
    )


def _capacity(job: EcsJob) -> dict[str, object]:
    if job.spot == "never":
        return {"LaunchType": "FARGATE"}
    provider = when(spot.ON_SPOT, "FARGATE_SPOT", "FARGATE")
    return {"CapacityProviderStrategy": [{"CapacityProvider": provider, "Weight": 1}]}


def _overrides(job: EcsJob, platform: Platform) -> object:
    """Return what a run gives its task: its input, and what else the row leaves to the run."""
    variables = run_variables(job, platform)
    own: list[Value] = [{"Name": name, "Value": value} for name, value in variables.items()]
    if not job.allow_overrides:
        return {"ContainerOverrides": [{"Name": CONTAINER, "Environment": own}]}
    command, cpu = variable("asked.command"), variable("asked.cpu")
    memory_mb = variable("asked.memory_mb")
    container = merge(
        {"Name": CONTAINER, "Environment": call("append", variable("environment"), own)},
        included(call("exists", command), {"Command": [command]}),
    )
    return block(
        programs.OVERRIDES,
        merge(
            {"ContainerOverrides": [container]},
            included(call("exists", cpu), {"Cpu": call("string", cpu)}),
            included(call("exists", memory_mb), {"Memory": call("string", memory_mb)}),
        ),
    )


def _work(
    job: EcsJob, platform: Platform, task: TaskDefinition, group: SecurityGroup | None
) -> Work:
    return Work(
        resource=f"arn:{platform.partition}:states:::ecs:runTask.sync",
        arguments={
            "Cluster": platform.ecs_cluster_arn,
            "TaskDefinition": Ref(task),
            **_capacity(job),
            "StartedBy": fan_out.started_by(job),
            "PropagateTags": "TASK_DEFINITION",
            "NetworkConfiguration": {"AwsvpcConfiguration": task_network(job, platform, group)},
            "Overrides": _overrides(job, platform),
        },
        timeout_seconds=job.attempt_timeout_seconds,
        refusals=REFUSALS,
        problem=CONTAINER_PROBLEM,
        details=_details(),
        output=expression({"exit_code": 0, "task_arn": variable("states.result.TaskArn")}),
        result_key=result_key(job) if job.result else None,
        failure=programs.CONTAINER_FAILURE,
        spot=job.spot,
    )
