"""What Batch is told of a job."""

from __future__ import annotations

import json

import pytest

import templates
from tests.support.generated_rows import job_of
from tests.support.platforms import PLATFORM

BATCH = {"job_name": "x", "type": "batch", "image": "example.com/app:1"}


def definition(**changes):
    template = json.loads(templates.to_json(templates.build(job_of(BATCH | changes), PLATFORM)))
    return template["Resources"]["JobDefinition"]["Properties"]


def test_an_earlier_revision_still_starts_jobs():
    assert definition()["ResourceRetentionPolicy"] == {"SkipDeregisterOnUpdate": True}


def test_tags_are_a_map_and_reach_the_tasks():
    found = definition(tags={"team": "a"})

    assert found["Tags"] == {"team": "a"}
    assert found["PropagateTags"] is True


def test_batch_itself_repeats_only_what_never_began():
    strategy = definition(retries=5)["RetryStrategy"]

    assert strategy["Attempts"] == 3
    *again, last = strategy["EvaluateOnExit"]
    assert last == {"Action": "EXIT", "OnReason": "*"}
    assert {rule["Action"] for rule in again} == {"RETRY"}
    assert not any("OnExitCode" in rule for rule in again)


@pytest.mark.parametrize(("retries", "attempts"), [(1, 2), (9, 10)])
def test_batch_retries_the_children_of_an_array_whatever_they_failed_of(retries, attempts):
    strategy = definition(array_size=5, retries=retries)["RetryStrategy"]

    assert strategy == {"Attempts": attempts}


def test_an_interrupted_child_of_an_array_is_started_again():
    rules = definition(array_size=5)["RetryStrategy"]["EvaluateOnExit"]

    assert {"Action": "RETRY", "OnStatusReason": "Your Spot Task was interrupted*"} in rules
    assert len(rules) <= 5  # AWS Batch, RetryStrategy


@pytest.mark.parametrize(
    ("network", "address"),
    [(None, "ENABLED"), ({"assign_public_ip": False}, "DISABLED")],
    ids=["the bootstrap's", "the row's"],
)
def test_a_public_address(network, address):
    container = definition(**({"network": network} if network else {}))["ContainerProperties"]

    assert container["NetworkConfiguration"] == {"AssignPublicIp": address}
