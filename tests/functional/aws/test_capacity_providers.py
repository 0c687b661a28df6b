"""A cluster gets Fargate's capacity providers, and keeps the others that it has."""

from __future__ import annotations

import boto3
import pytest

from provisioner.aws.capacity_providers import CapacityProviders
from provisioner.entrypoints import sweep
from tests.support.clients import CLIENTS
from tests.support.functions import deliver
from tests.support.platforms import PLATFORM

pytestmark = pytest.mark.usefixtures("bootstrap")

BEFORE = {
    "a new cluster": [],
    "only one of them": ["FARGATE"],
    "another one": ["machines"],
    "both, and another one": ["FARGATE_SPOT", "machines", "FARGATE"],
}


def providers():
    [cluster] = boto3.client("ecs").describe_clusters(clusters=["jobs"])["clusters"]
    return set(cluster["capacityProviders"])


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_a_cluster_gets_those_of_fargate_once(before):
    boto3.client("ecs").put_cluster_capacity_providers(
        cluster="jobs", capacityProviders=before, defaultCapacityProviderStrategy=[]
    )
    cluster = CapacityProviders(CLIENTS, PLATFORM.ecs_cluster_arn)

    assert cluster.associate() is not ({"FARGATE", "FARGATE_SPOT"} <= set(before))
    assert cluster.associate() is False

    assert providers() == {"FARGATE", "FARGATE_SPOT", *before}


def test_the_sweep_does_it():
    deliver(sweep, {})

    assert providers() == {"FARGATE", "FARGATE_SPOT"}
