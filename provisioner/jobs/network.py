"""Where in a VPC a job runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from provisioner.jobs.egress import EgressRule, egress_rules
from provisioner.jobs.errors import InvalidValueError, invalid, shown
from provisioner.jobs.values import Check, each, flag, keyed, text_list

MAX_SUBNETS = 16
MAX_SECURITY_GROUPS = 5
"""ECS AwsVpcConfiguration and Lambda VpcConfig take as many."""

_SHARED = (
    'is not for a row of a "batch" job to say: the subnets and the security group belong to the '
    'compute environments, which all jobs share; an "ecs" job has its own'
)
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")


@dataclass(frozen=True, slots=True)
class Network:
    """What a row says of its job's network; what it leaves out is the bootstrap's.

    Attributes
    ----------
    egress
        Outbound rules of the job's own security group; none means every destination.
    """

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool | None = None
    egress: tuple[EgressRule, ...] = field(default=(), metadata={"added": True})


def container_network(value: object) -> Network | None:
    """Check a container's network; an empty map is none."""
    network = _network(value)
    if network.egress and network.security_groups:
        message = "is for the security group that the job has unless the row names security_groups"
        raise InvalidValueError((".egress", message))
    return None if network == Network() else network


def batch_network(value: object) -> Network | None:
    """Check a Batch job's network: all but the address belongs to the queues' environments."""
    network = container_network(value)
    shared = [
        (f".{name}", _SHARED)
        for name in ("subnets", "security_groups", "egress")
        if network and getattr(network, name)
    ]
    if shared:
        raise InvalidValueError(*shared)
    return network


def lambda_network(value: object) -> Network | None:
    """Check a function's network: Lambda needs a security group and gives no public address."""
    network = container_network(value)
    if network is None:
        return None
    if network.egress:
        message = 'is for containers: a "lambda" job has the security groups that its row names'
        raise InvalidValueError((".egress", message))
    if network.assign_public_ip:
        raise InvalidValueError(
            (".assign_public_ip", "must be false: a Lambda function gets no public address")
        )
    if not network.security_groups:
        raise InvalidValueError((".security_groups", 'is required for a "lambda" job'))
    return network


def _network(value: object) -> Network:
    found = keyed(value, _CHECKS, "a network")
    return Network(**found)  # type: ignore[arg-type]  # each key has the check of its type


def _ids(pattern: re.Pattern[str], example: str, limit: int) -> Check[tuple[str, ...]]:
    def check_id(one: str) -> str:
        if not pattern.fullmatch(one):
            raise invalid(f'must be like "{example}", not {shown(one)}')
        return one

    def check(value: object) -> tuple[str, ...]:
        ids = text_list(value)
        if len(ids) > limit:
            raise invalid(f"has {len(ids)} entries; at most {limit} are allowed")
        if len(set(ids)) < len(ids):
            raise invalid("names one of them twice")
        return tuple(each(((f"[{index}]", one) for index, one in enumerate(ids)), check_id))

    return check


_CHECKS: dict[str, Check[object]] = {
    "subnets": _ids(_SUBNET, "subnet-0123456789abcdef0", MAX_SUBNETS),
    "security_groups": _ids(_SECURITY_GROUP, "sg-0123456789abcdef0", MAX_SECURITY_GROUPS),
    "assign_public_ip": flag,
    "egress": egress_rules,
}
