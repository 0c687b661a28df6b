"""Subnets of another VPC are found out before a stack is made, over moto."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from provisioner.aws.subnets import within_vpc
from provisioner.jobs import InvalidRow, parse
from tests.support.clients import CLIENTS
from tests.support.platforms import PLATFORM

pytestmark = pytest.mark.usefixtures("bootstrap")

GROUP = "sg-0123456789abcdef0"


@pytest.fixture
def vpcs():
    """Return the bootstrap's VPC, and a subnet in it and one elsewhere."""
    ec2 = boto3.client("ec2")
    made = []
    for block in ("10.1.0.0/24", "10.2.0.0/24"):
        vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
        made += [vpc, ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]]
    return made


def job(*subnets, kind="ecs"):
    network = {"subnets": list(subnets), "security_groups": [GROUP]}
    own = {
        "ecs": {"image": "public.ecr.aws/docker/library/busybox:1"},
        "lambda": {"runtime": "python3.14", "handler": "a.b", "bundle": "s3://bundles/report.zip"},
    }
    return parse({"job_name": "words", "type": kind, "network": network, **own[kind]})


@pytest.mark.parametrize("kind", ["ecs", "lambda"])
def test_subnets_of_another_vpc_are_said(vpcs, kind):
    ours, subnet, theirs, elsewhere = vpcs
    missing = "subnet-00000000000000000"

    found = within_vpc(
        CLIENTS, job(subnet, elsewhere, missing, kind=kind), replace(PLATFORM, vpc_id=ours)
    )

    assert isinstance(found, InvalidRow)
    assert [(error.field, error.message) for error in found.errors] == [
        (
            "network.subnets[1]",
            f"{elsewhere} is in {theirs}; jobs run in {ours}, the bootstrap's VPC",
        ),
        ("network.subnets[2]", f"{missing} does not exist"),
    ]


def test_subnets_of_the_vpc_are_taken(vpcs):
    ours, subnet, *_ = vpcs
    wanted = job(subnet)

    assert within_vpc(CLIENTS, wanted, replace(PLATFORM, vpc_id=ours)) is wanted


def test_the_bootstraps_own_are_not_even_looked_up():
    wanted = job(PLATFORM.subnets[0])

    assert within_vpc(CLIENTS, wanted, PLATFORM) is wanted  # moto knows no such subnet
