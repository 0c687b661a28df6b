"""The VPC of subnets that a row names: a task or function elsewhere would fail as it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.jobs import FieldError, InvalidRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.aws.clients import Clients
    from provisioner.jobs import Job
    from provisioner.settings import Platform


def within_vpc(clients: Clients, job: Job, platform: Platform) -> Job | InvalidRow:
    """Return the job, or which of its subnets are not in the bootstrap's VPC."""
    named = job.network.subnets if job.network else ()
    others = sorted(set(named) - set(platform.subnets))
    if not others:
        return job
    with translated():
        # By a filter, which leaves out what does not exist; by their ids it would be an error.
        found = clients.ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": others}])
    vpcs = {subnet["SubnetId"]: subnet["VpcId"] for subnet in found["Subnets"]}
    vpcs |= dict.fromkeys(platform.subnets, platform.vpc_id)
    errors = tuple(_errors(named, vpcs, platform.vpc_id))
    return InvalidRow(job.job_name, errors) if errors else job


def _errors(named: tuple[str, ...], vpcs: Mapping[str, str], vpc_id: str) -> Iterator[FieldError]:
    for index, subnet in enumerate(named):
        vpc = vpcs.get(subnet)
        if vpc is None:
            yield FieldError(f"network.subnets[{index}]", f"{subnet} does not exist")
        elif vpc != vpc_id:
            message = f"{subnet} is in {vpc}; jobs run in {vpc_id}, the bootstrap's VPC"
            yield FieldError(f"network.subnets[{index}]", message)
