"""The capacity providers of the cluster that container jobs run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients

FARGATE = ("FARGATE", "FARGATE_SPOT")


class CapacityProviders:
    """Fargate's capacity providers, which a cluster has to be associated with.

    Its template cannot say so: ECS then needs its service-linked role, which it starts to make when
    an account makes its first cluster (Amazon ECS, CreateCluster).
    """

    def __init__(self, clients: Clients, cluster_arn: str) -> None:
        self._clients = clients
        self._cluster = cluster_arn

    def associate(self) -> bool:
        """Associate the cluster with them; False if it is already. Others stay."""
        with translated():
            found = self._clients.ecs.describe_clusters(clusters=[self._cluster])["clusters"][0]
            associated = found.get("capacityProviders", [])
            others = [each for each in associated if each not in FARGATE]
            if len(associated) == len(others) + len(FARGATE):
                return False
            self._clients.ecs.put_cluster_capacity_providers(
                cluster=self._cluster,
                capacityProviders=[*FARGATE, *others],
                defaultCapacityProviderStrategy=found.get("defaultCapacityProviderStrategy", []),
            )
            return True
