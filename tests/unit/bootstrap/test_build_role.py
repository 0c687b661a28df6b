"""What the builds of one job could do to another, if their code had the role of builds."""

from __future__ import annotations

import pytest

from tests.support.bootstrap import ROOT, Stack, load
from tests.support.iam import Statements

HERE = "eu-west-1:123456789012"
VALUES = {
    "Prefix": "jobs",
    "Builds": "all",
    "MaxConcurrentBuilds": "10",
    "BuildTimeoutMinutes": "30",
    "BundleBucketName": "bundles",
    "ReadableBundleBucketArns": ["arn:aws:s3:::bundles", "arn:aws:s3:::more"],
    "GitConnections": ["mine", "too"],
    "LogGroupName": "/aws/codebuild/jobs_build",
}
ARCHIVE = "arn:aws:s3:::bundles/builds/victim/1.zip"
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/jobs/report"


@pytest.fixture(scope="module")
def role():
    stack = Stack(load(ROOT / "bootstrap/pipeline.yaml"), VALUES)
    [policy] = stack.resource("BuildRole")["Policies"]
    return Statements(tuple(policy["PolicyDocument"]["Statement"]))


def test_what_a_build_needs(role):
    assert role.allow("s3:GetObjectVersion", "arn:aws:s3:::more/report/source.zip")
    assert role.allow("s3:PutObject", ARCHIVE, **{"s3_if-none-match": "*"})
    assert role.allow("ecr:PutImage", REPOSITORY)
    for service in ("codeconnections", "codestar-connections"):
        for connection in VALUES["GitConnections"]:
            arn = f"arn:aws:{service}:{HERE}:connection/{connection}"
            assert role.allow(f"{service}:GetConnectionToken", arn)
    assert role.allow("ecr:BatchGetImage", f"arn:aws:ecr:{HERE}:repository/base")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:PutObject", ARCHIVE),
        ("s3:PutObject", "arn:aws:s3:::bundles/victim.zip"),
        ("s3:DeleteObject", ARCHIVE),
        ("s3:GetObject", ARCHIVE),
        ("s3:GetObject", "arn:aws:s3:::other/secret"),
        ("ecr:BatchDeleteImage", REPOSITORY),
        ("ecr:PutImageTagMutability", REPOSITORY),
        ("ecr:SetRepositoryPolicy", REPOSITORY),
        ("ecr:PutImage", f"arn:aws:ecr:{HERE}:repository/base"),
        ("codebuild:StartBuild", f"arn:aws:codebuild:{HERE}:project/jobs_build_arm64"),
        ("logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:/jobs/victim:*"),
        ("codeconnections:GetConnectionToken", f"arn:aws:codeconnections:{HERE}:connection/other"),
        ("codeconnections:PassConnection", f"arn:aws:codeconnections:{HERE}:connection/mine"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/jobs/jobs-report-Role-1"),
        ("sts:AssumeRole", "arn:aws:iam::123456789012:role/anything"),
    ],
)
def test_what_it_cannot(role, action, resource):
    assert not role.allow(action, resource)


def test_no_connection_is_open_by_itself():
    stack = Stack(load(ROOT / "bootstrap/pipeline.yaml"), VALUES | {"GitConnections": [""]})
    [policy] = stack.resource("BuildRole")["Policies"]
    assert "codeconnections" not in str(policy)


def test_only_codebuild_takes_it_for_these_projects():
    stack = Stack(load(ROOT / "bootstrap/pipeline.yaml"), VALUES)
    [trusted] = stack.resource("BuildRole")["AssumeRolePolicyDocument"]["Statement"]

    assert trusted["Principal"] == {"Service": "codebuild.amazonaws.com"}
    source = trusted["Condition"]["ArnLike"]["aws:SourceArn"]
    assert source == f"arn:aws:codebuild:{HERE}:project/jobs_build_*"
