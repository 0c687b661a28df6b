"""The network of bootstrap/network.yaml in private mode, deployed into an engine's EC2.

The engine makes what CloudFormation is given and sends no packets through it: whether the endpoints
are enough only an account shows (docs/internals/verified.md).
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

TEMPLATE = Path(__file__).parents[2] / "bootstrap" / "network.yaml"
CIDR = "10.97.0.0/20"
FOR_CONTAINERS = {"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"}


class Network:
    def __init__(self, engine):
        self._engine = engine
        self._name = engine.unique("network")
        self._ec2 = engine.client("ec2")
        self._cloudformation = engine.client("cloudformation")
        found = self._ec2.describe_availability_zones()["AvailabilityZones"]
        self.zones = [zone["ZoneName"] for zone in found][-3:][::-1]

    def deploy(self, operation, endpoints):
        """Create or update the stack with these interface endpoints."""
        values = {
            "Cidr": CIDR,
            "Mode": "private",
            "InterfaceEndpoints": endpoints,
            "Zones": ",".join(self.zones),
        }
        getattr(self._cloudformation, f"{operation}_stack")(
            StackName=self._name,
            TemplateBody=TEMPLATE.read_text("utf-8"),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
        )
        assert self.ended() == f"{operation.upper()}_COMPLETE"

    def ended(self):
        def settled():
            status = self._stack()["StackStatus"]
            return None if status.endswith("_IN_PROGRESS") else status

        return self._engine.wait(settled, "the end of the operation")

    def outputs(self):
        return {o["OutputKey"]: o["OutputValue"] for o in self._stack()["Outputs"]}

    def of_vpc(self, what, key):
        """Return what EC2 has of a kind in this network."""
        vpc = self.outputs()["VpcId"]
        found = getattr(self._ec2, f"describe_{what}")()[key]
        return [one for one in found if one.get("VpcId") == vpc]

    def services(self, kind):
        """Return the endpoints of a kind, by the service that each is for."""
        found = self.of_vpc("vpc_endpoints", "VpcEndpoints")
        return {
            one["ServiceName"].split(".", 3)[3]: one
            for one in found
            if one["VpcEndpointType"] == kind
        }

    def delete(self):
        self._cloudformation.delete_stack(StackName=self._name)

    def vpcs(self):
        return {vpc["VpcId"] for vpc in self._ec2.describe_vpcs()["Vpcs"]}

    def _stack(self):
        return self._cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]


@pytest.fixture
def network(engine):
    made = Network(engine)
    yield made
    made.delete()


def test_the_private_network_with_every_endpoint(network, engine):
    network.deploy("create", "containers")
    assert network.services("Interface").keys() == FOR_CONTAINERS

    network.deploy("update", "machines")

    subnets = network.of_vpc("subnets", "Subnets")
    named = network.outputs()["Subnets"].split(",")
    assert sorted(subnet["SubnetId"] for subnet in subnets) == sorted(named)
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {*network.zones}
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)

    [routed] = [
        t for t in network.of_vpc("route_tables", "RouteTables") if len(t["Associations"]) == 3
    ]
    assert {a["SubnetId"] for a in routed["Associations"]} == set(named)
    assert [r for r in routed["Routes"] if r.get("DestinationCidrBlock") != CIDR] == []

    gateways = network.services("Gateway")
    assert gateways.keys() == {"s3", "dynamodb"}
    assert {t for one in gateways.values() for t in one["RouteTableIds"]} == {
        routed["RouteTableId"]
    }

    interfaces = network.services("Interface")
    assert interfaces.keys() == FOR_CONTAINERS | {"states"}
    assert all(sorted(one["SubnetIds"]) == sorted(named) for one in interfaces.values())
    made = network.of_vpc("security_groups", "SecurityGroups")
    [group] = [one for one in made if one["GroupName"] != "default"]
    [inbound] = group["IpPermissions"]
    assert (inbound["FromPort"], inbound["ToPort"]) == (443, 443)
    assert [each["CidrIp"] for each in inbound["IpRanges"]] == [CIDR]

    vpc = network.outputs()["VpcId"]
    network.delete()
    engine.wait(lambda: vpc not in network.vpcs(), "the network's end")
