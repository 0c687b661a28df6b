"""Each call of the corpus is stopped by what it says, and by that alone."""

from __future__ import annotations

import json
from functools import cache

import pytest

import templates
from tests.attacks.calls import AT_HOME, CALLS, OPEN, USEFUL, StoppedBy
from tests.support.bootstrap import ROOT, Stack, bootstrap_of, load
from tests.support.generated_rows import job_of
from tests.support.iam import Statements
from tests.support.platforms import PLATFORM

ROWS = {
    "lambda": {"type": "lambda", "runtime": "python3.13", "handler": "app.handler",
               "bundle": "s3://bundles/app.zip?versionId=v1"},
    "ecs": {"type": "ecs", "image": "public.ecr.aws/docker/library/busybox:1.37"},
    "batch": {"type": "batch", "image": "public.ecr.aws/docker/library/busybox:1.37"},
    "ec2": {"type": "ec2", "image": "public.ecr.aws/docker/library/busybox:1.37",
            "instance_type": "m7g.large", "architecture": "arm64"},
}  # fmt: skip


OVER_TLS = {"aws:SecureTransport": "true"}


@cache
def security(job_actions: str | None = None) -> Stack:
    parameters = {
        "BundleBucketArns": "arn:aws:s3:::their-bundles",
        "JobResourceArns": "arn:aws:sqs:*:*:named-*,arn:aws:iam::*:role/for-jobs/*",
    }
    if job_actions:
        parameters["JobActions"] = job_actions
    return bootstrap_of(load(ROOT / "template.yaml"), **parameters).nested["SecurityStack"]


@cache
def policy(name: str, job_actions: str | None = None) -> Statements:
    return Statements(tuple(security(job_actions).resource(name)["PolicyDocument"]["Statement"]))


@cache
def artifacts_bucket() -> Statements:
    """The policy of the bucket, of which jobs are granted nothing."""
    policy = bootstrap_of(load(ROOT / "template.yaml")).resource("ArtifactsBucketPolicy")
    text = json.dumps(policy["PolicyDocument"]["Statement"])
    return Statements(tuple(json.loads(text)))


@cache
def own_policies(kind: str) -> Statements:
    """What the template writes into a job's role besides the row's own permissions."""
    template = templates.build(job_of({"job_name": "report"} | ROWS[kind]), PLATFORM)
    text = templates.to_json(template)
    text = text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "123456789012")
    text = text.replace(PLATFORM.artifacts_bucket, "ArtifactsBucket")
    policies = json.loads(text)["Resources"]["Role"]["Properties"]["Policies"]
    statements = [s for p in policies for s in p["PolicyDocument"]["Statement"]]
    for statement in statements:
        for element in ("Resource", "NotResource"):
            if isinstance(statement.get(element), dict):
                statement[element] = statement[element]["Fn::Sub"]
    return Statements(tuple(statements))


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_call_that_is_stopped(call):
    context = AT_HOME | call.context
    request = (call.action, call.resource, context)
    match call.stopped_by:
        case StoppedBy.BOUNDARY:
            assert policy("JobBoundary").deny(*request)
            assert not policy("JobBoundary", "*").verdict(*request)
        case StoppedBy.ACTIONS:
            assert not policy("JobBoundary").verdict(*request)
            assert not policy("JobBoundary").deny(*request)
        case StoppedBy.LIMITS:
            assert policy("JobLimits").deny(*request)
        case StoppedBy.ROLE:
            containers_only = call.action.startswith("ec2:")
            for kind in ["ecs", "batch"] if containers_only else ROWS:
                assert own_policies(kind).deny(*request)
        case StoppedBy.BUCKET:
            assert artifacts_bucket().deny(*request)
            assert not policy("JobBoundary").deny(*request)


@pytest.mark.parametrize("call", USEFUL, ids=str)
def test_a_call_that_is_of_use(call):
    request = (call.action, call.resource, AT_HOME | call.context)
    assert policy("JobBoundary").verdict(*request)
    assert not policy("JobLimits").deny(*request)
    assert ":ArtifactsBucket/" not in call.resource or not artifacts_bucket().deny(*request)
    assert not all(own_policies(kind).deny(*request) for kind in ROWS)


@pytest.mark.parametrize(
    "tags", [{"provisioner": "jobs"}, {"provisioner": "other", "job": "report"}, {}], ids=str
)
def test_the_policy_of_the_bucket_is_for_jobs_of_the_bootstrap(tags):
    keys = AT_HOME | {"aws:PrincipalTag/job": None, "aws:PrincipalTag/provisioner": None}
    keys |= {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}
    context = {name: value for name, value in keys.items() if value is not None}
    results = "arn:aws:s3:::ArtifactsBucket/results/neighbour/1.json"
    assert not artifacts_bucket().deny("s3:GetObject", results, context | OVER_TLS)


@pytest.mark.parametrize("role", ["for-jobs/reader", "for-jobs/deep/reader"])
def test_roles_are_taken_only_where_the_platform_team_has_opened_them(role):
    """Twice: the action in `JobActions`, and the role by its tag or its path."""
    arn = f"arn:aws:iam::123456789012:role/{role}"
    request = ("sts:AssumeRole", arn, AT_HOME)
    assert not policy("JobBoundary").verdict(*request)
    assert policy("JobBoundary", "sts:AssumeRole").verdict(*request)
    tagged = ("sts:AssumeRole", "arn:aws:iam::123456789012:role/reader", AT_HOME | OPEN)
    assert not policy("JobBoundary").verdict(*tagged)
    assert policy("JobBoundary", "sts:AssumeRole").verdict(*tagged)


def without_one_denial(statements):
    """Yield what is left out, and the statements without it: a whole one, or one of its names."""
    for index, statement in enumerate(statements):
        if statement["Effect"] == "Deny":
            before, after = statements[:index], statements[index + 1 :]
            yield statement["Sid"], before + after
            for element in ("Action", "Resource"):
                names = statement.get(element)
                for name in names if isinstance(names, list) else ():
                    rest = {**statement, element: [other for other in names if other != name]}
                    yield f"{statement['Sid']}: {name}", (*before, rest, *after)


TWICE = {f"BundlesAreReadOnly: arn:aws:s3:::BundleBucket{of}" for of in ("", "/*")}
"""Of one list with the buckets that the boundary has no room for."""


@pytest.mark.parametrize(
    ("name", "stopped_by"),
    [("JobBoundary", StoppedBy.BOUNDARY), ("JobLimits", StoppedBy.LIMITS)],
    ids=["boundary", "limits"],
)
def test_every_denial_stops_something(name, stopped_by):
    """A part of a policy that no attack needs is dead, or its attack is missing."""
    attacks = [call for call in CALLS if call.stopped_by is stopped_by]
    needless = {
        left_out
        for left_out, statements in without_one_denial(policy(name).statements)
        if all(
            Statements(statements).deny(call.action, call.resource, AT_HOME | call.context)
            for call in attacks
        )
    }
    assert needless - TWICE == set()
