"""The parts of `make smoke` that need neither AWS nor an engine."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import ClassVar

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from tools.smoke.__main__ import TEARDOWN, table
from tools.smoke.cost import AROUND_MINUTES, BOOTSTRAP_MONTH, HOURS_A_MONTH, Estimate, Usage
from tools.smoke.state import FAILED, NEEDS_AWS, PASSED, Result, SmokeError, State
from tools.smoke.steps import all_steps, left_to_aws
from tools.smoke.teardown import BUCKET, TABLE, other_prefixes, tear_down

ARN = "arn:aws:cloudformation:eu-west-1:111122223333:stack/smoke/1"
REGION = "eu-west-1"


@pytest.fixture
def state(tmp_path):
    return State(tmp_path / "smoke.json")


class TestCost:
    RATES: ClassVar = {
        "public_ipv4_hour": Decimal("0.005"),
        "fargate_vcpu_hour_x86_64": Decimal("0.04"),
        "fargate_gb_hour_x86_64": Decimal("0.004"),
        "ec2_hour:m7g.large": Decimal("0.08"),
        "lambda_gb_second_x86_64": Decimal("0.00002"),
        "state_transition": Decimal("0.000025"),
    }

    @pytest.mark.parametrize(
        ("usage", "dollars"),
        [
            pytest.param(Usage(0, 0, 0, 0, 0), 0, id="nothing"),
            # a vCPU-hour in four tasks of a quarter, 2 GB-hours, 4 addresses
            pytest.param(Usage(0, 240, 0, 0, 0), 0.04 + 2 * 0.004 + 4 * 0.005, id="containers"),
            pytest.param(Usage(0, 0, 60, 0, 0), 0.08 + 0.005, id="a machine"),
            pytest.param(Usage(0, 0, 0, 8, 0), 0.00002, id="a GB-second"),
            pytest.param(Usage(0, 0, 0, 0, 10), 10 * 12 * 0.000025, id="runs"),
            pytest.param(Usage(0, 0, 0, 0, 0, 100), 0.5, id="builds"),
        ],
    )
    def test_of_a_step(self, usage, dollars):
        assert usage.dollars(self.RATES) == pytest.approx(dollars)

    def test_the_bootstrap_costs_for_as_long_as_all_steps_take(self):
        estimate = Estimate.of([Usage(20, 0, 0, 0, 0), Usage(10, 0, 0, 0, 0)], "us-east-1")

        assert estimate.minutes == 30 + AROUND_MINUTES
        assert estimate.dollars == pytest.approx(BOOTSTRAP_MONTH / HOURS_A_MONTH)

    def test_a_region_without_prices_is_estimated_by_another_s(self):
        steps = [Usage()]
        assert Estimate.of(steps, "mars-1") == Estimate.of(steps, "us-east-1")
        assert "prices of us-east-1 of 20" in str(Estimate.of(steps, "mars-1"))

    def test_it_is_shown_in_minutes_and_dollars(self):
        assert str(Estimate(90.4, 0.456, "x")).startswith("about 90 minutes and 0.46 USD, by")


class TestState:
    def test_it_is_read_as_it_was_saved(self, state):
        state.began, state.stack_id, state.kept = True, ARN, [[TABLE, "smoke-JobsTable-1"]]
        state.results = {"a container": Result(FAILED, 3.5, "no capacity")}
        state.save()

        assert State.load(state.path) == state

    def test_without_a_file_it_is_empty(self, state):
        assert State.load(state.path) == state

    def test_results_of_other_sources_are_forgotten(self, state):
        state.sources, state.results = "old", {"a container": Result(PASSED)}
        state.forget_other_sources("old")
        assert state.passed() == {"a container"}

        state.forget_other_sources("new")

        assert (state.sources, state.passed()) == ("new", set())

    def test_only_what_passed_is_not_repeated(self, state):
        state.results = {"a": Result(PASSED), "b": Result(FAILED), "c": Result(NEEDS_AWS)}
        assert state.passed() == {"a"}


class TestGuard:
    @pytest.mark.parametrize(
        ("began", "stack_id", "found"),
        [
            pytest.param(False, None, None, id="nothing is there"),
            pytest.param(True, ARN, ARN, id="the stack that was deployed"),
            pytest.param(True, None, ARN, id="a first deployment that was interrupted"),
            pytest.param(True, ARN, None, id="it has been deleted since"),
        ],
    )
    def test_what_is_ours_is_accepted(self, state, began, stack_id, found):
        state.began, state.stack_id = began, stack_id
        state.guard("smoke", found, [])

    @pytest.mark.parametrize(
        ("began", "stack_id"),
        [
            pytest.param(False, None, id="no record"),
            pytest.param(True, ARN.replace("/1", "/2"), id="another one was deployed"),
        ],
    )
    def test_a_stack_of_somebody_else_is_refused(self, state, began, stack_id):
        state.began, state.stack_id = began, stack_id
        with pytest.raises(SmokeError, match="nothing was changed"):
            state.guard("smoke", ARN, [])

    @pytest.mark.parametrize("other", ["smoke", "smoke-team", "s"])
    def test_a_prefix_that_collides_is_refused(self, state, other):
        with pytest.raises(SmokeError, match=f"prefix {other} "):
            state.guard("smoke", None, ["jobs", other])


class Target:
    """An account of moto's."""

    is_engine = False

    def client(self, service):
        return boto3.client(service, region_name=REGION)


TEMPLATE = """
Resources:
  JobsTable:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties: &table
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: true
      AttributeDefinitions: [{AttributeName: job_name, AttributeType: S}]
      KeySchema: [{AttributeName: job_name, KeyType: HASH}]
  StacksTable: {Type: AWS::DynamoDB::Table, DeletionPolicy: Retain, Properties: *table}
  BundleBucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {VersioningConfiguration: {Status: Enabled}}
Outputs:
  Prefix: {Value: smoke}
  JobsTableName: {Value: !Ref JobsTable}
  StacksTableName: {Value: !Ref StacksTable}
"""


class TestTeardown:
    @pytest.fixture
    def target(self):
        with mock_aws():
            yield Target()

    @pytest.fixture
    def deployed(self, target, state):
        cloudformation, s3 = target.client("cloudformation"), target.client("s3")
        made = cloudformation.create_stack(StackName="smoke", TemplateBody=TEMPLATE)
        state.began, state.stack_id = True, made["StackId"]
        bucket = s3.list_buckets()["Buckets"][0]["Name"]
        for body in (b"1", b"2"):
            s3.put_object(Bucket=bucket, Key="code.zip", Body=body)
        s3.delete_object(Bucket=bucket, Key="code.zip")
        outputs = cloudformation.describe_stacks()["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def left(self, target):
        tables = target.client("dynamodb").list_tables()["TableNames"]
        buckets = target.client("s3").list_buckets()["Buckets"]
        return tables + [bucket["Name"] for bucket in buckets]

    def test_nothing_is_left_and_nothing_else_is_touched(self, target, deployed, state):
        location = {"LocationConstraint": REGION}
        target.client("s3").create_bucket(
            Bucket="smoke-of-others", CreateBucketConfiguration=location
        )
        rows = target.client("dynamodb")
        rows.put_item(TableName=deployed["JobsTableName"], Item={"job_name": {"S": "left"}})
        gone = {"job_name": {"S": "left"}, "status": {"S": "DELETED"}}
        rows.put_item(TableName=deployed["StacksTableName"], Item=gone)

        tear_down(target, state, "smoke", print)

        assert self.left(target) == ["smoke-of-others"]
        assert (state.began, state.stack_id, state.kept) == (False, None, [])

    @pytest.mark.usefixtures("deployed")
    def test_it_continues_where_it_was_interrupted(self, target, state):
        kept = self.left(target)
        state.kept = [[BUCKET if "bucket" in name else TABLE, name] for name in kept]
        target.client("cloudformation").delete_stack(StackName="smoke")
        assert self.left(target) == kept

        tear_down(target, state, "smoke", print)

        assert self.left(target) == []

    @pytest.mark.usefixtures("deployed")
    def test_other_bootstraps_are_found_by_their_outputs(self, target):
        template = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
        target.client("cloudformation").create_stack(StackName="web", TemplateBody=template)

        assert other_prefixes(target, own="jobs") == ["smoke"]
        assert other_prefixes(target, own="smoke") == []


class TestSteps:
    def test_each_says_what_it_shows(self):
        known = all_steps()

        assert len({step.name for step in known}) == len(known) > 10
        assert [step.name for step in known if not step.shows] == []
        assert known[0].name == "deploys into a new account"

    def test_what_an_engine_cannot_prove_is_not_a_failure(self):
        found = left_to_aws(all_steps())

        assert found["what aws owns"].outcome == NEEDS_AWS
        assert all(result.why for result in found.values())


def test_the_table_has_a_line_for_each_step_and_the_reason_below_it():
    shows = {"a container": "It runs", "a batch job": "It waits", TEARDOWN: "It goes"}
    results = {"a container": Result(FAILED, 61.2, "no capacity"), TEARDOWN: Result(PASSED, 5)}
    text = io.StringIO()

    Console(file=text, width=80).print(table(shows, results))

    lines = [line.split() for line in text.getvalue().splitlines()]
    assert lines == [
        ["STEP", "RESULT", "SECONDS", "SHOWS"],
        ["a", "container", "failed", "61", "It", "runs"],
        ["no", "capacity"],
        ["a", "batch", "job", "not", "run", "It", "waits"],
        ["teardown", "passed", "5", "It", "goes"],
    ]
