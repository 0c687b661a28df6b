"""The stack of a job that runs as a Lambda function, from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref
from troposphere.awslambda import (
    Code,
    Environment,
    EphemeralStorage,
    Function,
    ImageConfig,
    LoggingConfig,
    VPCConfig,
)

from provisioner.jobs import stack_name
from provisioner.jobs.environment import (
    SECRETS_VARIABLE,
    WRAPPER,
    WRAPPER_VARIABLE,
    secrets_as_text,
)
from provisioner.jobs.functions import IMAGE_SUFFIX
from provisioner.jobs.permissions import secret_statements
from templates.parts.logs import log_group
from templates.parts.outputs import shared_outputs
from templates.parts.part import JobResources
from templates.parts.role import Statement, role, submission_variables, write_logs
from templates.workflow import programs
from templates.workflow.definition import state_machine
from templates.workflow.expressions import given
from templates.workflow.jsonata import expression, variable
from templates.workflow.prepare import NO_PROBLEM
from templates.workflow.work import Work

if TYPE_CHECKING:
    from troposphere.iam import Role
    from troposphere.logs import LogGroup

    from provisioner.jobs import LambdaJob, Network
    from provisioner.jobs.types.lambda_job import Archive
    from provisioner.settings import Platform

REPORT_SECONDS = 30
"""How much longer the workflow waits than the function may take, so that Lambda's own report of a
timeout, with the request it was, comes first."""

NOT_READY = (
    "Lambda.ENINotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ResourceNotReadyException",
)
"""Errors of a function that is Pending, or becomes Active again: an image that is prepared or a
network interface that is made may take minutes (Lambda Developer Guide, function states)."""

REFUSALS = (
    "Lambda.TooManyRequestsException",
    "Lambda.EC2ThrottledException",
    "Lambda.ENILimitReachedException",
    "Lambda.ResourceNotFoundException",  # one that is new is not known everywhere at once
    programs.ROLE_NOT_READY,
    *NOT_READY,
)


def resources(job: LambdaJob, platform: Platform) -> JobResources:
    """Return all that is in the stack whatever the row says of schedules, alarms and messages."""
    logs = log_group(job, platform)
    code_role = role(
        job,
        platform,
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        _own_policies(job, platform),
    )
    code = function(job, platform, code_role, logs)
    workflow = state_machine(job, platform, _work(job, platform, code))
    outputs = {
        **shared_outputs(workflow, code_role, logs),
        "LambdaArn": GetAtt(code, "Arn"),
        **_versions(job),
    }
    return JobResources([logs, code_role, code, workflow], outputs, workflow=workflow)


def function(job: LambdaJob, platform: Platform, code_role: Role, logs: LogGroup) -> Function:
    """Return the function: its code is one version of one object in S3, or one image."""
    archive = job.archive
    function = _of_archive(job, platform, archive) if archive else _of_image(job, platform)
    function.Description = job.description or f"The job {job.job_name}"
    function.Role = GetAtt(code_role, "Arn")
    function.Architectures = [job.architecture]
    function.MemorySize = job.memory_mb
    function.Timeout = job.attempt_timeout_seconds
    function.LoggingConfig = LoggingConfig(LogGroup=Ref(logs))
    if job.reserved_concurrency:
        function.ReservedConcurrentExecutions = job.reserved_concurrency
    if job.ephemeral_storage_mb:
        function.EphemeralStorage = EphemeralStorage(Size=job.ephemeral_storage_mb)
    variables = {**submission_variables(job, platform), **job.environment, **_wrapper(job)}
    if variables:
        function.Environment = Environment(Variables=variables)
    if job.network:
        function.VpcConfig = _vpc_config(job.network, platform)
    return function


def _of_archive(job: LambdaJob, platform: Platform, archive: Archive) -> Function:
    bundle = archive.bundle
    function = Function(
        "Function",
        FunctionName=stack_name(platform.prefix, job.job_name),
        Runtime=archive.runtime,
        Handler=archive.handler,
        Code=Code(S3Bucket=bundle.bucket, S3Key=bundle.key),
    )
    if bundle.version_id:
        function.Code.S3ObjectVersion = bundle.version_id
    if layers := [*([platform.secrets_layer_arn] if job.secrets else []), *job.layers]:
        function.Layers = layers
    return function


def _of_image(job: LambdaJob, platform: Platform) -> Function:
    """Return another resource, of another name: a function cannot change its PackageType."""
    config = ImageConfig()
    if job.command:
        config.Command = list(job.command)
    if job.entry_point:
        config.EntryPoint = list(job.entry_point)
    if job.working_directory:
        config.WorkingDirectory = job.working_directory
    return Function(
        "ImageFunction",
        FunctionName=stack_name(platform.prefix, job.job_name) + IMAGE_SUFFIX,
        PackageType="Image",
        Code=Code(ImageUri=job.image),
        ImageConfig=config,  # an empty one too: it takes back what was set
    )


def _wrapper(job: LambdaJob) -> dict[str, str]:
    """Return what makes Lambda start the function by way of the program that reads its secrets."""
    if not job.secrets:
        return {}
    references = secrets_as_text(job.secrets)
    return {WRAPPER_VARIABLE: WRAPPER, SECRETS_VARIABLE: references}


def _versions(job: LambdaJob) -> dict[str, str]:
    """Return what the Stacks row says of the code that is deployed."""
    if job.image:
        outputs = {"Image": job.name_of(job.image)}
        digest = job.image.partition("@")[2]
        return {**outputs, "ImageDigest": digest} if digest else outputs
    version = job.bundle.version_id if job.bundle else None
    return {"BundleVersion": version} if version else {}


def _vpc_config(network: Network, platform: Platform) -> VPCConfig:
    return VPCConfig(
        SubnetIds=list(network.subnets or platform.subnets),
        SecurityGroupIds=list(network.security_groups),
    )


def _own_policies(job: LambdaJob, platform: Platform) -> dict[str, list[Statement]]:
    policies = {"logs": write_logs(job, platform)}
    if job.network:
        policies["network"] = _network_interfaces()
    if job.secrets:
        policies["secrets"] = _read_secrets(job, platform)
    return policies


def _read_secrets(job: LambdaJob, platform: Platform) -> list[Statement]:
    statements = secret_statements(job.secrets.values())
    if platform.secrets_key_arn:
        services = [f"{name}.{platform.region}.amazonaws.com" for name in ("secretsmanager", "ssm")]
        statements.append(
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": platform.secrets_key_arn,
                "Condition": {"StringEquals": {"kms:ViaService": services}},
            }
        )
    return statements


def _network_interfaces() -> list[Statement]:
    """Return what Lambda does in the role's name to reach a VPC; the boundary keeps the code out.

    Lambda Developer Guide, giving functions access to resources in a VPC.
    """
    actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    return [{"Effect": "Allow", "Action": actions, "Resource": "*"}]


def _work(job: LambdaJob, platform: Platform, code: Function) -> Work:
    return Work(
        resource=f"arn:{platform.partition}:states:::lambda:invoke",
        arguments={
            "FunctionName": GetAtt(code, "Arn"),
            "Payload": given(job),
        },
        timeout_seconds=job.attempt_timeout_seconds + REPORT_SECONDS,
        refusals=REFUSALS,
        slow_refusals=NOT_READY,
        problem=NO_PROBLEM,
        details=expression({"request_id": variable("states.result.SdkResponseMetadata.RequestId")}),
        output=variable("states.result.Payload"),
        result_key=None,
        failure=programs.LAMBDA_FAILURE,
    )
