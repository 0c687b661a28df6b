"""What rows may reach is what the bootstrap's parameters name, and is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.jobs import InvalidRow, parse, permitted
from provisioner.jobs.allowed import repository_of
from provisioner.settings import Allowed

ACCOUNT = "123456789012"
OWN = "subnet-0123456789abcdef0"
OTHER = "subnet-0fedcba9876543210"
GROUP = "sg-0123456789abcdef0"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret"
SLACK = f"{SECRET}:jobs/slack-a1B2c3"
THEIR_LAYER = "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3:9"
OWN_LAYER = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:tools:3"
STRICT = Allowed(
    partition="aws",
    region="eu-west-1",
    account_id=ACCOUNT,
    secrets_prefix="jobs",
    artifacts_bucket="jobs-artifacts",
    subnets=(OWN,),
    max_reserved_concurrency=10,
    slack_secret_arn=SLACK,
)
CONTAINER = {
    "job_name": "crunch",
    "type": "ecs",
    "image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/crunch:1",
}
MACHINE = CONTAINER | {"type": "ec2", "instance_type": "m7g.large"}
FUNCTION = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "main.handler",
    "bundle": "s3://my-bundles/nightly/code.zip",
}
IMAGE_FUNCTION = {
    "job_name": "report",
    "type": "lambda",
    "image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/report:1",
}


def judged(row, allowed=STRICT, **changes):
    return permitted(parse({**row, **changes}), allowed)


def secret(arn):
    return {"secrets": {"TOKEN": arn}}


REFUSED = {
    "layer-of-another-account": (FUNCTION, {"layers": [THEIR_LAYER]}, "layers[0]"),
    "layer-of-another-region": (
        FUNCTION,
        {"layers": [f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:tools:3"]},
        "layers[0]",
    ),
    "one-of-two-layers": (FUNCTION, {"layers": [OWN_LAYER, THEIR_LAYER]}, "layers[1]"),
    "image-of-another-account": (
        IMAGE_FUNCTION,
        {"image": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/report:1"},
        "image",
    ),
    "image-of-another-region": (
        IMAGE_FUNCTION,
        {"image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/report:1"},
        "image",
    ),
    "secret-of-a-function-elsewhere": (
        FUNCTION,
        secret(f"{SECRET}:prod/db-a1B2c3"),
        "secrets.TOKEN",
    ),
    "slack's-secret-to-a-function": (FUNCTION, secret(SLACK), "secrets.TOKEN"),
    "much-concurrency": (FUNCTION, {"reserved_concurrency": 11}, "reserved_concurrency"),
    "items-of-a-neighbour": (
        FUNCTION,
        {"fan_out": {"source": {"json": "s3://jobs-artifacts/results/neighbour/1.json"}}},
        "fan_out.source.json",
    ),
    "names-of-the-neighbours-runs": (
        FUNCTION,
        {"fan_out": {"source": {"prefix": "s3://jobs-artifacts/runs/"}}},
        "fan_out.source.prefix",
    ),
    "subnet": (CONTAINER, {"network": {"subnets": [OWN, OTHER]}}, "network.subnets[1]"),
    "security-group": (
        CONTAINER,
        {"network": {"security_groups": [GROUP]}},
        "network.security_groups[0]",
    ),
    "function-in-a-network": (
        FUNCTION,
        {"network": {"subnets": [OWN], "security_groups": [GROUP]}},
        "network.security_groups[0]",
    ),
    "an-ami-of-anybody": (MACHINE, {"ami": "ami-0123456789abcdef0"}, "ami"),
    "a-registry-out-of-a-machine's-reach": (
        MACHINE,
        {"image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/crunch:1"},
        "image",
    ),
    "docker-hub": (CONTAINER, {"image": "busybox:1"}, "image"),
    "another-account's-registry": (
        CONTAINER,
        {"image": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/crunch:1"},
        "image",
    ),
    "a-registry-that-begins-like-ours": (
        CONTAINER,
        {"image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.evil.example/crunch:1"},
        "image",
    ),
    "our-registry-as-a-folder": (
        CONTAINER,
        {"image": f"evil.example/{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/crunch:1"},
        "image",
    ),
    "secret-elsewhere": (CONTAINER, secret(f"{SECRET}:prod/db-a1B2c3"), "secrets.TOKEN"),
    "secret-that-begins-alike": (CONTAINER, secret(f"{SECRET}:jobs-prod/db"), "secrets.TOKEN"),
    "secret-of-another-account": (
        CONTAINER,
        secret("arn:aws:secretsmanager:eu-west-1:210987654321:secret:jobs/db"),
        "secrets.TOKEN",
    ),
    "secret-of-another-region": (
        CONTAINER,
        secret(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:jobs/db"),
        "secrets.TOKEN",
    ),
    "parameter-elsewhere": (
        CONTAINER,
        secret(f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/prod/db"),
        "secrets.TOKEN",
    ),
    "slack's-secret": (CONTAINER, secret(SLACK), "secrets.TOKEN"),
    "slack's-secret-by-its-name": (CONTAINER, secret(f"{SECRET}:jobs/slack"), "secrets.TOKEN"),
    "a-part-of-slack's-secret": (
        CONTAINER,
        secret(f"{SLACK}:bot_token:AWSCURRENT:"),
        "secrets.TOKEN",
    ),
    "slack-channel-of-a-function": (FUNCTION, {"slack_channel": "#ceo"}, "slack_channel"),
    "slack-channel-of-a-container": (CONTAINER, {"slack_channel": "C024BE91L"}, "slack_channel"),
}


@pytest.mark.parametrize(("row", "changes", "field"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_open_to_rows_is_refused_by_name(row, changes, field):
    rejected = judged(row, **changes)

    assert isinstance(rejected, InvalidRow)
    assert (rejected.job_name, [error.field for error in rejected.errors]) == (
        row["job_name"],
        [field],
    )


OPEN = replace(
    STRICT,
    subnets=(OWN, OTHER),
    security_groups=(GROUP,),
    image_repositories=("public.ecr.aws/docker/library/*", "docker.io/library/busybox"),
    slack_channels=("#ops", "C024BE91L"),
    reserved_tag_keys=("access", "Team:*"),
    amis=("ami-0123456789abcdef0",),
    layers=("arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertools*",),
)
NETWORK = {"subnets": [OTHER], "security_groups": [GROUP]}
SOURCE = {"source": {"json": "s3://reports/parts.json"}}
TAKEN = {
    "items-of-a-bucket-of-its-own": (FUNCTION, {"fan_out": SOURCE}),
    "a-table-of-its-own": (FUNCTION, {"permissions": ["write-table: orders"]}),
    "a-bucket-of-its-own": (FUNCTION, {"permissions": ["write: s3://reports/nightly"]}),
    "a-queue-of-its-own": (FUNCTION, {"permissions": ["send: orders"]}),
    "subnet-and-group": (CONTAINER, {"network": NETWORK}),
    "function-in-a-network": (FUNCTION, {"network": NETWORK}),
    "own-registry-elsewhere": (
        CONTAINER,
        {"image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/a/b@sha256:{'0' * 64}"},
    ),
    "own-registry-in-china": (
        CONTAINER,
        {"image": f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/a"},
    ),
    "below-a-listed-folder": (CONTAINER, {"image": "public.ecr.aws/docker/library/busybox:1.37"}),
    "docker-hub-in-short": (CONTAINER, {"image": "busybox:1.37"}),
    "secret": (CONTAINER, secret(f"{SECRET}:jobs/db-a1B2c3:password::")),
    "a-neighbour-of-slack's": (CONTAINER, secret(f"{SECRET}:jobs/slackers-a1B2c3")),
    "parameter": (CONTAINER, secret(f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/jobs/db")),
    "channel": (FUNCTION, {"slack_channel": "#ops"}),
    "tags": (FUNCTION, {"tags": {"team": "a", "accession": "b"}}),
    "layers": (FUNCTION, {"layers": [OWN_LAYER, THEIR_LAYER]}),
    "image-of-a-function": (IMAGE_FUNCTION, {}),
    "secret-of-a-function": (FUNCTION, secret(f"{SECRET}:jobs/db-a1B2c3")),
    "reserved-concurrency": (FUNCTION, {"reserved_concurrency": 10}),
    "an-ami": (MACHINE, {"ami": "ami-0123456789abcdef0"}),
    "a-public-parameter": (MACHINE, {"ami": "/aws/service/canonical/ubuntu/image_id"}),
    "nothing-named": (FUNCTION, {}),
}


@pytest.mark.parametrize(("row", "changes"), TAKEN.values(), ids=TAKEN)
def test_what_the_parameters_open_is_taken(row, changes):
    assert judged(row, OPEN, **changes) == parse({**row, **changes})


def test_without_a_slack_secret_no_secret_is_kept_from_jobs():
    row = FUNCTION | secret(SLACK)
    assert judged(row, replace(STRICT, slack_secret_arn="")) == parse(row)


def test_a_star_opens_everything():
    everything = replace(
        STRICT,
        subnets=(OWN, "*"),
        security_groups=("*",),
        image_repositories=("*",),
        slack_channels=("*",),
    )
    row = CONTAINER | {"image": "ghcr.io/acme/app", "network": NETWORK, "slack_channel": "#any"}

    assert not isinstance(judged(row, everything), InvalidRow)


@pytest.mark.parametrize("key", ["access", "ACCESS", "team:", "Team:lead"])
def test_reserved_keys_of_tags_are_refused_in_whatever_case(key):
    rejected = judged(FUNCTION, OPEN, tags={key: "x"})

    assert isinstance(rejected, InvalidRow)
    assert [error.field for error in rejected.errors] == [f"tags.{key}"]


def test_an_error_says_what_is_open_and_which_parameter_says_it():
    rejected = judged(CONTAINER, OPEN, image="alpine", **secret(f"{SECRET}:db"))

    assert isinstance(rejected, InvalidRow)
    assert [error.message for error in rejected.errors] == [
        '"docker.io/library/alpine" is not open to jobs: jobs may use 123456789012.dkr.ecr.*, '
        "public.ecr.aws/docker/library/*, docker.io/library/busybox (parameter "
        "AllowedImageRepositories of the bootstrap)",
        "must be arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/... or "
        "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/... (parameter SecretsPrefix of the "
        "bootstrap)",
    ]


def test_what_is_wrong_with_a_row_stays_what_it_is():
    rejected = parse({"job_name": "x"})

    assert permitted(rejected, STRICT) is rejected


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("busybox:1.37", "docker.io/library/busybox"),
        ("acme/app:1", "docker.io/acme/app"),
        ("library/busybox", "docker.io/library/busybox"),
        ("docker.io/busybox", "docker.io/library/busybox"),
        ("index.docker.io/acme/app", "docker.io/acme/app"),
        ("GHCR.io/acme/app:1", "ghcr.io/acme/app"),
        ("localhost/app", "localhost/app"),
        ("localhost:5000/app:1", "localhost:5000/app"),
        (f"registry:5000/a/b@sha256:{'0' * 64}", "registry:5000/a/b"),
        (f"a/b:1@sha256:{'0' * 64}", "docker.io/a/b"),
    ],
)
def test_every_spelling_of_a_repository_is_the_same(image, repository):
    assert repository_of(image) == repository
