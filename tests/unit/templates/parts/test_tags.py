"""A row's tags reach everything in its stack but the role, where they would grant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import templates
from provisioner.jobs import spec_digest
from provisioner.stacks.actions import Create, Update, ValidRow
from provisioner.stacks.model import StackRecord, StackState
from provisioner.stacks.operations import Operations
from provisioner.stacks.stack_status import StackStatus
from tests.support.generated_rows import job_of, row_of
from tests.support.platforms import PLATFORM, synthesize

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TAGS = {"cost-center": "42", "access-level": "admin"}
ROWS = {
    "function": {
        "type": "lambda",
        "runtime": "python3.14",
        "handler": "app.handler",
        "bundle": "s3://bundles/app.zip",
    },
    "container": {"type": "ecs", "image": "public.ecr.aws/docker/library/busybox:1.37"},
}
# What takes no tags of its own: its group, topic, queue or function does.
WITHOUT = {"AWS::Scheduler::Schedule", "AWS::SNS::Subscription", "AWS::SQS::QueuePolicy"}


def job(kind, **more):
    options = {"tags": TAGS, "schedule": "rate(1 hour)", "queue": True}
    return job_of(row_of(ROWS[kind] | options | more))


class Recorder:
    """CloudFormation as far as it is told what to make."""

    def __init__(self):
        self.requests = []

    def known_mode(self, wanted):
        return wanted

    def create(self, stack_name, request):
        self.requests.append(request)
        return f"arn:{stack_name}"

    update = create


@pytest.mark.parametrize("kind", ROWS)
def test_tags_are_on_everything_but_the_role(kind):
    template = templates.build(job(kind), PLATFORM, NOW).to_dict()

    tagged, role = {}, []
    for resource in template["Resources"].values():
        tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"].get("Tags", ())}
        if resource["Type"] == "AWS::IAM::Role":
            role.append(tags)
        elif resource["Type"] not in WITHOUT:
            tagged[resource["Type"]] = tags
    assert role == [{}]
    assert tagged.keys() >= {"AWS::Logs::LogGroup", "AWS::StepFunctions::StateMachine"}
    assert all(tags == TAGS for tags in tagged.values()), tagged


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("operation", [Create, Update])
def test_no_tag_of_a_row_is_the_stacks_which_would_hand_it_to_the_role(kind, operation):
    cloudformation = Recorder()
    wanted = ValidRow(job(kind), spec_digest(job(kind)))
    observed = StackState("arn:stack", StackStatus.CREATE_COMPLETE, ours=True)

    Operations(cloudformation, synthesize, PLATFORM).start(
        operation(wanted), StackRecord("nightly"), observed, NOW
    )

    [request] = cloudformation.requests
    assert request.tags == {"provisioner": "jobs", "job": "nightly"}


def test_the_most_tags_leave_the_template_below_cloudformations_limit():
    """1 MB: as many resources as a job can have, in the letters that JSON makes longest."""
    tags = {f"{index:02}" + "\U00010400" * 10: "\U00010400" * 34 for index in range(45)}
    largest = job("container", tags=tags, schedule=[f"rate({n} hours)" for n in range(2, 12)])

    assert len(templates.to_json(templates.build(largest, PLATFORM, NOW))) < 1_000_000
