"""Where a job's containers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from troposphere import AWSObject, GetAtt, Tags

from provisioner.jobs import Network

if TYPE_CHECKING:
    from troposphere import PropsDictType

    from provisioner.jobs import EgressRule, Job
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


_EVERYTHING = {
    "IpProtocol": "-1",
    "CidrIp": "0.0.0.0/0",
    "Description": "Image registries, AWS services and whatever the job calls",
}


def security_group(job: Job, platform: Platform, who: str = "Containers") -> SecurityGroup | None:
    """Return a group that lets nothing in, unless the row names groups of its own.

    EC2 adds a rule for every destination to a group that has no outbound rules: a row's list of
    them is never empty.
    """
    network = job.network or Network()
    if network.security_groups:
        return None
    return SecurityGroup(
        "SecurityGroup",
        GroupDescription=f"{who} of the job {job.job_name}: they connect out, nobody in",
        VpcId=platform.vpc_id,
        SecurityGroupEgress=[_outbound(rule) for rule in network.egress] or [_EVERYTHING],
    )


def _outbound(rule: EgressRule) -> dict[str, object]:
    destination = {_kind(rule.destination): rule.destination}
    if rule.ports is None:
        return {"IpProtocol": "-1", **destination}
    first, last = rule.ports
    return {"IpProtocol": rule.protocol, "FromPort": first, "ToPort": last, **destination}


def _kind(destination: str) -> str:
    match destination[:3]:
        case "pl-":
            return "DestinationPrefixListId"
        case "sg-":
            return "DestinationSecurityGroupId"
        case _:
            return "CidrIpv6" if ":" in destination else "CidrIp"


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
