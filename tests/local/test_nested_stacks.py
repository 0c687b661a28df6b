"""Nested stacks that are updated, on the embedded engine: unchanged resources stay known."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.engine

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}
OUTPUTS = {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}


@pytest.fixture
def nested(engine):
    """Deploy a stack around a child of these resources; returns the parent as it ended."""
    cloudformation = engine.client("cloudformation")
    name = engine.unique("nested")

    def deployed(operation, **resources):
        document = {"Resources": {"Role": ROLE, **resources}, "Outputs": OUTPUTS}
        parent = around(engine, f"{name}/{operation}-{len(resources)}", document)
        getattr(cloudformation, f"{operation}_stack")(
            StackName=name, TemplateBody=json.dumps(parent), Capabilities=["CAPABILITY_IAM"]
        )
        return engine.wait(lambda: ended(cloudformation, name), f"the end of {operation}")

    return deployed


def around(engine, key, child):
    bucket = engine.bundle_bucket
    engine.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(child))
    url = f"https://s3.us-east-1.amazonaws.com/{bucket}/{key}"
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    output = {"Value": {"Fn::GetAtt": ["Child", "Outputs.RoleArn"]}}
    return {"Resources": {"Child": stack}, "Outputs": {"RoleArn": output}}


def ended(cloudformation, name):
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack


def test_a_changed_child_knows_what_did_not_change(nested):
    made = nested("create")

    changed = nested("update", Logs=LOGS)

    assert changed["StackStatus"] == "UPDATE_COMPLETE"
    assert changed["Outputs"] == made["Outputs"]


def test_a_child_that_cannot_be_changed_goes_back(nested):
    made = nested("create")
    refused = {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": {"Fn::ImportValue": "x"}}}

    changed = nested("update", Logs=LOGS, Refused=refused)

    assert changed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert changed["Outputs"] == made["Outputs"]
