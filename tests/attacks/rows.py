"""Rows that reach for more than their author was given, and where each one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.settings import Allowed

ACCOUNT = "123456789012"
SECRETS = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret"
PARAMETERS = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
SLACK = f"{SECRETS}:jobs/slack-a1B2c3"
CONNECTION = (
    f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:connection/0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f"
)

ALLOWED = Allowed(  # the parameters' defaults, and Slack, builds and an owner's repositories
    partition="aws",
    region="eu-west-1",
    account_id=ACCOUNT,
    secrets_prefix="jobs",
    prefix="jobs",
    own_names=frozenset({"JobsTable", "TriggersTable", "ReconcileQueue", "NotificationTopic"}),
    artifacts_bucket="jobs-artifacts",
    bundle_bucket="jobs-bundles",
    slack_secret_arn=SLACK,
    subnets=("subnet-0123456789abcdef0",),
    image_repositories=("public.ecr.aws/docker/library/*",),
    max_reserved_concurrency=10,
    builds=("arm64",),
    git_connections=(CONNECTION[-36:],),
    git_repositories=("github.com/acme/*",),
)
FUNCTION = {
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "main.handler",
    "bundle": "s3://bundles/code.zip",
}
SOURCE = {"source": "s3://bundles/a.zip"}
X86 = {"type": "ecs", "architecture": "x86_64"}
CONTAINER = {"type": "ecs", "image": "public.ecr.aws/docker/library/busybox:1.37"}


@dataclass(frozen=True)
class Row:
    """An attack by a row, and the field of the error that it ends with."""

    what: str
    row: Mapping[str, Any]
    field: str

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


def _function(what: str, field: str, **attributes: Any) -> Row:
    return Row(what, FUNCTION | attributes, field)


def _container(what: str, field: str, **attributes: Any) -> Row:
    return Row(what, CONTAINER | attributes, field)


def _machine(what: str, field: str, **attributes: Any) -> Row:
    kind = {"type": "ec2", "instance_type": "m7g.large"}
    return Row(what, CONTAINER | kind | attributes, field)


def _built(what: str, field: str, **parts: Any) -> Row:
    return Row(what, {"type": "ecs", "build": SOURCE | parts}, field)


def _of_git(what: str, key: str, **parts: Any) -> Row:
    source = {"connection": CONNECTION, "repository": "github.com/acme/report", "commit": "0" * 40}
    return _built(what, f"build.source.{key}", source=source | parts)


def _permissions(what: str, field: str, **statement: Any) -> Row:
    whole = {"Action": "s3:GetObject", "Resource": "*"} | statement
    return _function(what, f"permissions[0]{field}", permissions=[whole])


_ELSEWHERE = "eu-west-1:210987654321"

IN_WORDS = {
    "the rows of jobs": "write-table: JobsTable",
    "the history of runs": "read-table: TriggersTable",
    "runs of neighbours": "read: s3://jobs-artifacts/runs/",
    "the templates of neighbours": "write: s3://jobs-artifacts/templates/",
    "code of neighbours": "write: s3://jobs-bundles/neighbour.zip",
    "code of a deployment tool": f"write: s3://cdk-hnb659fds-assets-{ACCOUNT}-eu-west-1",
    "the queue of a neighbour": "send: jobs-neighbour",
    "the dead letters of a neighbour": f"send: arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs-neighbour_dead",
    "the reconcile queue": "send: ReconcileQueue",
    "the topic of notifications": f"send: arn:aws:sns:eu-west-1:{ACCOUNT}:NotificationTopic",
    "a queue of another account": f"send: arn:aws:sqs:{_ELSEWHERE}:orders",
    "a topic of another Region": f"send: arn:aws:sns:us-east-1:{ACCOUNT}:orders",
    "a secret of the account in words": f"secret: {SECRETS}:payroll-a1B2c3",
    "a parameter of the account in words": f"secret: {PARAMETERS}/payroll",
    "a secret of another account": f"secret: arn:aws:secretsmanager:{_ELSEWHERE}:secret:jobs/a",
}
"""Permissions in words that validation refuses by name, and policies deny besides."""

_IN_WORDS_ONLY_SAID = {
    "the Slack secret in words": f"secret: {SLACK}",
    "results of neighbours": "read: s3://jobs-artifacts/results/neighbour",
    "all of the artifacts bucket": "read: s3://jobs-artifacts",
    "every bucket": "read: s3://*",
    "every object that begins so": "read: s3://data/2026*",
    "objects by a variable": "read: s3://data/${aws:username}",
    "every table": "read-table: *",
    "tables that begin so": "write-table: orders*",
    "a table by its ARN": f"read-table: arn:aws:dynamodb:{_ELSEWHERE}:table/orders",
    "every queue": "send: *",
    "every secret": f"secret: {SECRETS}:jobs/*",
    "a secret itself": "secret: hunter2",
    "an action": "s3:*",
    "a word of nobody": "admin: everything",
}

REFUSED = [
    # Builds run code of the author's beside those of others.
    Row("a build that nobody has opened", X86 | {"build": SOURCE}, "build"),
    _built("the machine's files as a context", "build.context", context="../../root"),
    _built(
        "a file of the machine as a Dockerfile", "build.dockerfile", dockerfile="/proc/1/environ"
    ),
    _built("a context that is an option of Docker", "build.context", context="--output=/"),
    _built("a Dockerfile that is a command", "build.dockerfile", dockerfile="a`id`"),
    _built("a target that is a command", "build.target", target="$(id)"),
    _built("an argument that is an option", "build.args.--push", args={"--push": "1"}),
    _built("an argument that sets another", "build.args.A=B", args={"A=B": "1"}),
    _built("an argument of more lines", "build.args.A", args={"A": "1\nPATH=/tmp"}),
    _built("a secret in an argument", "build.args.A", args={"A": "{{resolve:ssm:/payroll}}"}),
    _of_git("a connection of somebody", "connection", connection=CONNECTION[:-1] + "0"),
    _of_git(
        "one of another account", "connection", connection=CONNECTION.replace(ACCOUNT, "9" * 12)
    ),
    _of_git("any connection", "connection", connection="*"),
    _of_git("a repository of somebody", "repository", repository="github.com/evil/report"),
    _of_git("an owner who begins alike", "repository", repository="github.com/acme-evil/report"),
    _of_git("an owner in other letters", "repository", repository="github.com/ACME/report"),
    _of_git("an owner of another host", "repository", repository="gitlab.com/acme/report"),
    _of_git("a way out of an owner", "repository", repository="github.com/acme/../evil/report"),
    _of_git("an encoded way out", "repository", repository="github.com/acme/%2e%2e/evil"),
    _of_git("another host before it", "repository", repository="github.com@evil.example/acme/a"),
    _of_git("a file of the machine", "repository", repository="file:///etc/github.com/acme"),
    _of_git("a command as a repository", "repository", repository="ext::sh -c id github.com/a/b"),
    _of_git("an option as a repository", "repository", repository="--upload-pack=id"),
    _of_git("an option as a name", "repository", repository="github.com/acme/--upload-pack=id"),
    _of_git("a query in a repository", "repository", repository="github.com/acme/report?x=/evil"),
    _of_git("a space in a repository", "repository", repository="github.com/acme/re port"),
    _of_git("a letter that looks alike", "repository", repository="github.com/acme/rep\u043ert"),
    _of_git("a second line", "repository", repository="github.com/acme/report\n--config=a"),
    _of_git("a user and password", "repository", repository="https://x:y@github.com/acme/report"),
    _of_git("an option as a commit", "commit", commit="--upload-pack=touch /tmp/hacked"),
    _of_git("a command as a commit", "commit", commit="$(id)" + "0" * 35),
    _of_git("a pull request of anybody", "commit", commit="pr/25"),
    _of_git("a ref as a commit", "commit", commit="refs/pull/25/head"),
    # Which code runs is looked up where the row says, and nowhere else.
    _function(
        "a pin to an object of another bucket",
        "pin.version",
        pin={"version": "s3://payroll/code.zip?versionId=1"},
    ),
    _function("a pin with another parameter", "pin.version", pin={"version": "1&key=other.zip"}),
    _function("a pin of ten thousand digits", "pin", pin={"version": "1" * 10_000}),
    _container(
        "a pin to an image of another repository",
        "pin.version",
        pin={"version": f"payroll@sha256:{'0' * 64}"},
    ),
    _container("a pin to a tag, which moves", "pin.version", pin={"version": "latest"}),
    Row(
        "a pin to what another job built",
        FUNCTION
        | {"bundle": None, "build": {"source": "s3://bundles/a.zip"}}
        | {"pin": {"version": f"../payroll/{'0' * 64}"}},
        "pin.version",
    ),
    _function(
        "runs of a canary that never end",
        "deploy",
        deploy={"canary": {"runs": "9" * 10_000}},
    ),
    # What the provisioner writes about a job is not the row's to say.
    _function("templates of another release", "template_version", template_version="0123456789ab"),
    _function("a place in a wave", "upgrade", upgrade={"id": "u", "to": "b", "wave": 0}),
    _function("deployments that never were", "deployments", deployments=[{"number": 1}]),
    # What is the account's, and not the job's.
    _container("the Slack secret", "secrets.A", secrets={"A": SLACK}),
    _container("the Slack secret without its suffix", "secrets.A", secrets={"A": SLACK[:-7]}),
    _container("a key of the Slack secret", "secrets.A", secrets={"A": f"{SLACK}:token::"}),
    _container("a secret of the account", "secrets.A", secrets={"A": f"{SECRETS}:payroll-a1B2c3"}),
    _container(
        "a secret under a name that begins like ours",
        "secrets.A",
        secrets={"A": f"{SECRETS}:jobs-of-others/a"},
    ),
    _container("a parameter of the account", "secrets.A", secrets={"A": f"{PARAMETERS}/payroll"}),
    _container(
        "a secret by way of a parameter",
        "secrets.A",
        secrets={"A": f"{PARAMETERS}/aws/reference/secretsmanager/payroll"},
    ),
    _container("an image that anybody may publish", "image", image="ghcr.io/evil/miner"),
    _machine("an AMI that anybody may publish", "ami", ami="ami-0123456789abcdef0"),
    _machine("an AMI by a parameter of the account", "ami", ami="/payroll/ami"),
    _machine("an AMI by a secret", "ami", ami="/aws/reference/secretsmanager/payroll"),
    _machine("text for EC2 as a machine", "instance_type", instance_type="m7g.large&KeyName=mine"),
    _machine(
        "an image that a machine's role must not reach",
        "image",
        image=f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:1",
    ),
    _container(
        "a path that only looks like our registry",
        "image",
        image=f"evil.io/{ACCOUNT}.dkr.ecr/a",
    ),
    _container(
        "a subnet of another network",
        "network.subnets[0]",
        network={"subnets": ["subnet-0fedcba9876543210"]},
    ),
    _container(
        "rules that let out nothing, and so everything", "network.egress", network={"egress": []}
    ),
    _function(
        "a security group that a database lets in",
        "network.security_groups[0]",
        network={"security_groups": ["sg-0123456789abcdef0"]},
    ),
    _function(
        "a layer that anybody may publish",
        "layers[0]",
        layers=["arn:aws:lambda:eu-west-1:210987654321:layer:tools:1"],
    ),
    Row(
        "a function's image of another account",
        {"type": "lambda", "image": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/miner"},
        "image",
    ),
    _function("the Slack secret to a function", "secrets.AB", secrets={"AB": SLACK}),
    _function(
        "a secret of the account to a function",
        "secrets.AB",
        secrets={"AB": f"{SECRETS}:payroll-a1B2c3"},
    ),
    _function(
        "a variable's name that a shell would run",
        "secrets.A;id",
        secrets={"A;id": f"{SECRETS}:jobs/a"},
    ),
    _function("all that functions share", "reserved_concurrency", reserved_concurrency=900),
    _function("a channel of others", "slack_channel", slack_channel="#board"),
    _function(
        "the results of neighbours as items",
        "fan_out.source.prefix",
        fan_out={"source": {"prefix": "s3://jobs-artifacts/results/"}},
    ),
    # Tags by which somebody else's policies decide.
    _function("a tag that opens to jobs", "tags.open-to-jobs", tags={"open-to-jobs": "jobs"}),
    _function("a tag that opens, in capitals", "tags.OPEN-TO-JOBS", tags={"OPEN-TO-JOBS": "jobs"}),
    _function("a tag of the provisioner", "tags.provisioner", tags={"provisioner": "other"}),
    _function(
        "a tag of AWS",
        "tags.aws:cloudformation:stack-name",
        tags={"aws:cloudformation:stack-name": "payroll"},
    ),
    # Permissions that are none.
    _permissions("every action", ".Action", Action="*"),
    _permissions("every action of every service", ".Action", Action="*:*"),
    _permissions("all actions but one", ".NotAction", NotAction="iam:CreateUser"),
    _permissions("all resources but one", ".NotResource", NotResource="arn:aws:s3:::a"),
    _permissions("a principal", ".Principal", Principal="*"),
    _permissions(
        "a statement that CloudFormation fills in",
        ".Resource",
        Resource="arn:aws:s3:::${AWS::X}",
    ),
    *(
        _function(what, "permissions[0]", permissions=[text])
        for what, text in (IN_WORDS | _IN_WORDS_ONLY_SAID).items()
    ),
    # Text that somebody would take for code.
    _function(
        "a dynamic reference",
        "environment.KEY",
        environment={"KEY": "{{resolve:secretsmanager:payroll}}"},
    ),
    _function(
        "a dynamic reference in a description",
        "description",
        description="{{resolve:ssm:/a}}",
    ),
    _function("an expression in a payload", "payload.a", payload={"a": "{% $states.context %}"}),
    _permissions(
        "an intrinsic function",
        ".Condition.StringEquals",
        Condition={"StringEquals": {"Fn::ImportValue": "payroll"}},
    ),
    _function("metadata of a run", "payload._run", payload={"_run": {"source": "schedule"}}),
    _function("a name with a path", "job_name", job_name="../neighbour"),
    _function("a name of the provisioner", "job_name", job_name="a_sweep"),
    _function("a bundle with a wildcard", "bundle", bundle="s3://*/code.zip"),
]
