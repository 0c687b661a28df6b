"""The containers of a job on Fargate, whichever service starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from templates.container import leave_result
from templates.parts.role import Statement, role

if TYPE_CHECKING:
    from troposphere import AWSHelperFn
    from troposphere.iam import Role

    from provisioner.jobs import BatchJob, EcsJob
    from provisioner.settings import Platform

ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X86_64"}
"""``CpuArchitecture`` of a task's runtime platform."""

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


def container_role(job: EcsJob | BatchJob, platform: Platform) -> Role:
    """Return the role of a container's code, which only tasks of this account may assume."""
    own = {"interfaces": [INTERFACES_ARE_NOT_THE_CODES]}
    if job.result:
        own["result"] = leave_result(job, platform)
    return role(job, platform, _trusted(platform), own)


def storage_gib(job: EcsJob | BatchJob) -> int | None:
    """Return the size of the disk in GiB, None for Fargate's usual one."""
    return -(-job.ephemeral_storage_mb // 1024) if job.ephemeral_storage_mb else None


def image_outputs(job: EcsJob | BatchJob) -> dict[str, str | AWSHelperFn]:
    """Return what the stack says of the image: its name, and its digest if that is known."""
    digest = job.image.partition("@")[2]
    return {"Image": job.image_name, **({"ImageDigest": digest} if digest else {})}


def _trusted(platform: Platform) -> Statement:
    return {
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": platform.account_id},
            "ArnLike": {"aws:SourceArn": platform.arn("ecs", "*")},
        },
    }
