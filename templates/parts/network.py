"""Where a job's containers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from troposphere import AWSObject, GetAtt, Tags

from provisioner.jobs import Network

if TYPE_CHECKING:
    from troposphere import PropsDictType

    from provisioner.jobs import Job
    from provisioner.settings import Platform


class SecurityGroup(AWSObject):  # type: ignore[misc]  # troposphere is not typed
    """``AWS::EC2::SecurityGroup``, since the import of ``troposphere.ec2`` is a cold start's worth.

    That module's hundreds of classes take a third of the time that all of `templates` does.
    """

    resource_type = "AWS::EC2::SecurityGroup"
    props: ClassVar[PropsDictType] = {
        "GroupDescription": (str, True),
        "VpcId": (str, True),
        "SecurityGroupEgress": ([dict], True),
        "Tags": (Tags, False),
    }


def security_group(job: Job, platform: Platform) -> SecurityGroup | None:
    """Return a group that lets nothing in, unless the row names groups of its own."""
    if job.network and job.network.security_groups:
        return None
    return SecurityGroup(
        "SecurityGroup",
        GroupDescription=f"Containers of the job {job.job_name}: they connect out, nobody in",
        VpcId=platform.vpc_id,
        SecurityGroupEgress=[
            {
                "IpProtocol": "-1",
                "CidrIp": "0.0.0.0/0",
                "Description": "Image registries, AWS services and whatever the job calls",
            }
        ],
    )


def task_network(job: Job, platform: Platform, group: SecurityGroup | None) -> dict[str, object]:
    """Return ``AwsvpcConfiguration``: what the row says, else the bootstrap's network."""
    network = job.network or Network()
    public = network.assign_public_ip
    return {
        "Subnets": list(network.subnets or platform.subnets),
        "SecurityGroups": [GetAtt(group, "GroupId")] if group else list(network.security_groups),
        "AssignPublicIp": (
            "ENABLED" if (platform.assign_public_ip if public is None else public) else "DISABLED"
        ),
    }
