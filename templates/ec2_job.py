"""The stack of a job that runs on a machine of its own, from top to bottom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref

from provisioner.jobs.machines import silence_seconds
from templates.container import leave_result, result_key
from templates.machine import launch
from templates.parts.arns import in_account
from templates.parts.launch_template import instance_profile, launch_template
from templates.parts.logs import log_group
from templates.parts.network import security_group
from templates.parts.outputs import shared_outputs
from templates.parts.part import JobResources
from templates.parts.role import Statement, role
from templates.workflow import log_streams, programs
from templates.workflow.definition import state_machine
from templates.workflow.jsonata import expression, variable
from templates.workflow.prepare import CONTAINER_PROBLEM
from templates.workflow.work import Work

if TYPE_CHECKING:
    from provisioner.jobs import Ec2Job
    from provisioner.settings import Platform
    from templates.workflow.states import State

_ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")


def resources(job: Ec2Job, platform: Platform) -> JobResources:
    """Return all that is in the stack whatever the row says of schedules, alarms and messages."""
    logs = log_group(job, platform)
    code_role = role(
        job,
        platform,
        {"Principal": {"Service": "ec2.amazonaws.com"}},
        {"machine": _machine(job, platform)},
        platform.machine_policy_arn,
    )
    group = security_group(job, platform, "Machines")
    profile = instance_profile(platform, code_role)
    template = launch_template(job, platform, profile)
    named = job.network.security_groups if job.network else ()
    groups = [GetAtt(group, "GroupId")] if group else list(named)
    launched: State = {
        "template": {
            "LaunchTemplateId": Ref(template),
            "Version": GetAtt(template, "LatestVersionNumber"),
        },
        "groups": groups,
    }
    workflow = state_machine(job, platform, _work(job, platform, launched))
    outputs = {
        **shared_outputs(workflow, code_role, logs),
        "LaunchTemplateId": Ref(template),
        "Image": job.image_name,
    }
    if digest := job.image.partition("@")[2]:
        outputs["ImageDigest"] = digest
    made = [logs, code_role, profile, template, workflow]
    if group is not None:
        made.append(group)
        outputs["SecurityGroupId"] = GetAtt(group, "GroupId")
    return JobResources(made, outputs, workflow=workflow)


def _machine(job: Ec2Job, platform: Platform) -> list[Statement]:
    """Return what the boot program may do for this job besides what all machines may."""
    bucket = f"arn:{platform.partition}:s3:::{platform.artifacts_bucket}"
    statements: list[Statement] = [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": in_account(f"{bucket}/machines/{job.job_name}/*", platform),
        }
    ]
    if found := _ECR_IMAGE.match(job.image):
        account, region, repository = found.groups()
        arn = f"arn:{platform.partition}:ecr:{region}:{account}:repository/{repository}"
        statements.append(
            {
                "Effect": "Allow",
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Resource": arn,
            }
        )
    if job.secrets:
        statements.append(
            {
                "Effect": "Allow",
                "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameters"],
                "Resource": sorted({_readable(arn) for arn in job.secrets.values()}),
            }
        )
    if job.result:
        statements += leave_result(job, platform)
    return statements


def _readable(arn: str) -> str:
    """Return a secret's ARN without the key that is read of it, its last characters left open."""
    if ":ssm:" in arn:
        return arn
    secret = ":".join(arn.split(":")[:7])
    return secret if re.search(r"-[A-Za-z0-9]{6}$", secret) else f"{secret}-??????"


def _work(job: Ec2Job, platform: Platform, launched: State) -> Work:
    silence = silence_seconds(job.heartbeat_seconds)
    return Work(
        resource=f"arn:{platform.partition}:states:::aws-sdk:ec2:runInstances.waitForTaskToken",
        arguments=launch.arguments(job, platform),
        timeout_seconds=job.attempt_timeout_seconds,
        refusals=launch.REFUSALS,
        problem=CONTAINER_PROBLEM,
        details={
            "exit_code": 0,
            "instance_type": launch.instance_type(job, platform),
            "log_stream": log_streams.of_machine(job),
        },
        output=expression({"exit_code": 0, "instance_id": variable("states.result.instance_id")}),
        result_key=result_key(job) if job.result else None,
        failure=programs.MACHINE_FAILURE,
        failure_details=(launch.launched(job, platform),),
        before={"Hand": launch.hand(job, platform, launched)},
        after_failure=launch.after_failure(job, platform),
        least_seconds=silence + 1,
        heartbeat_seconds=silence,
        spot=job.spot,
    )
