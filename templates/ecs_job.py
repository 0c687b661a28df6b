"""The stack of a job that runs as a container on Fargate, from top to bottom."""

from __future__ import annotations

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
from templates.parts.arns import in_account
from templates.parts.logs import log_group
from templates.parts.network import security_group, task_network
from templates.parts.role import Statement, role, submission_variables
from templates.workflow import expressions, fan_out
from templates.workflow.definition import Work, state_machine

if TYPE_CHECKING:
    from troposphere import AWSHelperFn, AWSObject
    from troposphere.iam import Role
    from troposphere.logs import LogGroup

    from provisioner.jobs import EcsJob
    from provisioner.settings import Platform
    from templates.parts.network import SecurityGroup

CONTAINER = "job"

REFUSALS = ("ECS.ThrottlingException", "ECS.AmazonECSException", "ECS.LimitExceededException")

_ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X86_64"}

INTERFACES_ARE_NOT_THE_CODES: Statement = {
    "Effect": "Deny",
    "Action": [
        "ec2:*NetworkInterface",
        "ec2:*NetworkInterfaceAttribute",
        "ec2:*PrivateIpAddresses",
    ],
    "Resource": "*",
}
"""The boundary allows them to functions, in whose name Lambda makes them, and cannot tell a
container's call from Lambda's."""

_EXIT_CODE = expressions.squeezed(f"""
    ( $job := $states.result.Containers[Name = "{CONTAINER}"];
      $job.ExitCode = 0 ? {{"exit_code": 0}}
        : $error("Exit code " & ($exists($job.ExitCode) ? $string($job.ExitCode) : "unknown")) )
""")


def resources(
    job: EcsJob, platform: Platform
) -> tuple[list[AWSObject], dict[str, str | AWSHelperFn]]:
    """Return the resources, and the outputs that are this type's own."""
    logs = log_group(job, platform)
    own = {"interfaces": [INTERFACES_ARE_NOT_THE_CODES]}
    if job.result:
        own["result"] = _leave_result(job, platform)
    code_role = role(job, platform, _trusted(platform), own)
    group = security_group(job, platform)
    task = task_definition(job, platform, code_role, logs)
    workflow = state_machine(job, platform, _work(job, platform, task, group))
    made = {
        "TaskDefinitionArn": Ref(task),
        "EcsClusterArn": platform.ecs_cluster_arn,
        "Image": job.image_name,
    }
    if digest := job.image.partition("@")[2]:
        made["ImageDigest"] = digest
    if group is None:
        return [logs, code_role, task, workflow], made
    made["SecurityGroupId"] = GetAtt(group, "GroupId")
    return [logs, code_role, group, task, workflow], made


def task_definition(
    job: EcsJob, platform: Platform, code_role: Role, logs: LogGroup
) -> TaskDefinition:
    """Return the task definition; each change of it is a revision, which the workflow names.

    The one before stays ACTIVE: runs that go on start tasks of it
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
            CpuArchitecture=_ARCHITECTURES[job.architecture], OperatingSystemFamily="LINUX"
        ),
        TaskRoleArn=GetAtt(code_role, "Arn"),
        ExecutionRoleArn=in_account(platform.execution_role_arn, platform),
        ContainerDefinitions=[_container(job, platform, logs)],
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Retain",
    )
    if job.ephemeral_storage_mb:
        task.EphemeralStorage = EphemeralStorage(SizeInGiB=-(-job.ephemeral_storage_mb // 1024))
    return task


def _container(job: EcsJob, platform: Platform, logs: LogGroup) -> ContainerDefinition:
    environment = {
        **submission_variables(job, platform),
        **job.environment,
        "JOB_NAME": job.job_name,
    }
    container = ContainerDefinition(
        Name=CONTAINER,
        Image=job.image,
        Essential=True,
        Environment=[
            Environment(Name=name, Value=value) for name, value in sorted(environment.items())
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
    if job.command:
        container.Command = list(job.command)
    if job.secrets:
        container.Secrets = [
            Secret(Name=name, ValueFrom=arn) for name, arn in sorted(job.secrets.items())
        ]
    return container


def _trusted(platform: Platform) -> Statement:
    return {
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": platform.account_id},
            "ArnLike": {"aws:SourceArn": platform.arn("ecs", "*")},
        },
    }


def _result_key(job: EcsJob) -> str:
    one = ' & "/" & $string($run.index)' if job.fan_out else ""
    return f'"results/{job.job_name}/" & $run.key{one} & ".json"'


def _leave_result(job: EcsJob, platform: Platform) -> list[Statement]:
    bucket = f"arn:{platform.partition}:s3:::{platform.artifacts_bucket}"
    return [
        {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": in_account(f"{bucket}/results/{job.job_name}/*", platform),
        }
    ]


def _overrides(job: EcsJob, platform: Platform) -> object:
    """Return what a run gives its task: its input, and what else the row leaves to the run."""
    variables = {"PAYLOAD": f"$string({expressions.given(job)})", "TRIGGER_ID": "$run.id"}
    variables |= fan_out.variables(job)
    if job.result:
        variables["RESULT_URI"] = f'"s3://{platform.artifacts_bucket}/" & {_result_key(job)}'
    if not job.allow_overrides:
        environment = [
            {"Name": name, "Value": expressions.jsonata(value)} for name, value in variables.items()
        ]
        return {"ContainerOverrides": [{"Name": CONTAINER, "Environment": environment}]}
    own = ", ".join(f'{{"Name": "{name}", "Value": {value}}}' for name, value in variables.items())
    return expressions.jsonata(
        expressions.squeezed(f"""(
            $asked := $run.overrides;
            $variables := $append(
                $each($asked.environment, function($value, $name) {{
                    {{"Name": $name, "Value": $string($value)}}
                }}), [{own}]);
            $merge([
                {{"ContainerOverrides": [$merge([
                    {{"Name": "{CONTAINER}", "Environment": $variables}},
                    $exists($asked.command) ? {{"Command": [$asked.command]}} : {{}}
                ])]}},
                $exists($asked.cpu) ? {{"Cpu": $string($asked.cpu)}} : {{}},
                $exists($asked.memory_mb) ? {{"Memory": $string($asked.memory_mb)}} : {{}}
            ])
        )""")
    )


def _work(
    job: EcsJob, platform: Platform, task: TaskDefinition, group: SecurityGroup | None
) -> Work:
    return Work(
        resource=f"arn:{platform.partition}:states:::ecs:runTask.sync",
        arguments={
            "Cluster": platform.ecs_cluster_arn,
            "TaskDefinition": Ref(task),
            "LaunchType": "FARGATE",
            "StartedBy": expressions.jsonata(fan_out.started_by(job)),
            "PropagateTags": "TASK_DEFINITION",
            "NetworkConfiguration": {"AwsvpcConfiguration": task_network(job, platform, group)},
            "Overrides": _overrides(job, platform),
        },
        timeout_seconds=job.attempt_timeout_seconds,
        refusals=REFUSALS,
        problem=expressions.CONTAINER_PROBLEM,
        exit_code=_EXIT_CODE,
        output='{"exit_code": 0, "task_arn": $states.result.TaskArn}',
        collected=_result_key(job) if job.result else "",
        failure=expressions.CONTAINER_FAILURE,
    )
