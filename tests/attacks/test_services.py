"""The roles behind the jobs refuse what no template needs."""

from __future__ import annotations

from functools import cache

import pytest

from tests.attacks.calls import AT_HOME, OPEN, arn
from tests.attacks.services import REFUSED
from tests.support.bootstrap import ROOT, bootstrap_of, load, policies_of


@cache
def policies():
    return policies_of(bootstrap_of(load(ROOT / "template.yaml")))


@pytest.mark.parametrize("ask", REFUSED, ids=str)
def test_a_role_refuses(ask):
    assert not policies()[ask.role].verdict(ask.action, ask.resource, ask.context)


def test_only_faces_whose_callers_are_proven_call_the_function_that_upgrades():
    """Its schedule does, too, under a role that only EventBridge Scheduler takes."""
    sweep = arn("lambda", "function:jobs_provisioner_sweep")
    callers = {
        name
        for name, policy in policies().items()
        if policy.verdict("lambda:InvokeFunction", sweep, {})
    }
    assert callers == {"ApiRole", "ConsoleRole"}


OUT_OF_REACH = {
    "AWS::DynamoDB::Table": "dynamodb:PutItem",
    "AWS::KMS::Key": "kms:Decrypt",
    "AWS::SNS::Topic": "sns:Publish",
    "AWS::SQS::Queue": "sqs:SendMessage",
}


def test_nothing_that_the_bootstrap_makes_is_a_job_s_even_if_it_is_tagged_as_open():
    bootstrap = bootstrap_of(load(ROOT / "template.yaml"))
    denials = policies()["JobBoundary"], policies()["JobLimits"]
    made = {
        name: (OUT_OF_REACH[resource["Type"]], bootstrap.attribute(name, "Arn"))
        for name, resource in bootstrap.template["Resources"].items()
        if resource["Type"] in OUT_OF_REACH
    }
    for name, resource in bootstrap.template["Resources"].items():
        if resource["Type"] == "AWS::SQS::Queue" and "QueueName" in resource["Properties"]:
            made[name] = ("sqs:SendMessage", arn("sqs", bootstrap.resource(name)["QueueName"]))
        if resource["Type"] == "AWS::DynamoDB::Table" and "TableName" in resource["Properties"]:
            table = f"table/{bootstrap.resource(name)['TableName']}"
            made[name] = ("dynamodb:PutItem", arn("dynamodb", table))
    assert len(made) >= 12
    reached = {
        name
        for name, call in made.items()
        if not any(d.deny(*call, AT_HOME | OPEN) for d in denials)
    }
    assert reached == set()


def test_no_stack_of_a_job_holds_a_queue_of_the_bootstrap():
    bootstrap = bootstrap_of(load(ROOT / "template.yaml"))
    for name, resource in bootstrap.template["Resources"].items():
        if resource["Type"] == "AWS::SQS::Queue" and "QueueName" not in resource["Properties"]:
            queue = bootstrap.attribute(name, "Arn")
            assert policies()["CloudFormationRole"].deny("sqs:DeleteQueue", queue, {}), name


def test_what_builds_have_left_can_be_removed():
    allowed = policies()["ReconcileQueueRole"]
    archive = "arn:aws:s3:::BundleBucket/builds/report/1.zip"
    assert allowed.verdict("s3:DeleteObject", archive, {})
    assert allowed.verdict("ecr:BatchDeleteImage", arn("ecr", "repository/jobs/report"), {})
