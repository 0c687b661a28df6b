"""What a row may name that is not its job's own, as the bootstrap's parameters allow.

A row's author is not an administrator of the account. Networks, images, secrets and channels are
chosen from those that the platform team has opened, and everything else is refused by its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.jobs.artifacts import without_tag
from provisioner.jobs.errors import FieldError, InvalidRow
from provisioner.jobs.git_source import GitSource
from provisioner.jobs.grants import Grant, SubmitGrant, bucket_and_path
from provisioner.jobs.network import Network
from provisioner.jobs.types import ContainerJob, Ec2Job, LambdaJob
from provisioner.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.jobs.build import Build
    from provisioner.jobs.fan_out import ItemSource
    from provisioner.jobs.types import Job
    from provisioner.settings import Allowed

EVERYTHING = "*"

_FOR_JOBS = "examples"
"""Where in the artifacts bucket jobs may have data; its policy keeps them from everything else."""

_CODE_BUCKETS = ("aws-sam-cli-", "cdk-", "cf-templates-")
"""Of deployment tools, which run what lies there."""

_SHOWN = 5
"""Entries of a list that an error repeats."""

# Docker's own rule for telling a registry from the first part of a repository's name.
_REGISTRY = re.compile(r"[^/]*[.:][^/]*|localhost")
_ECR_HOST = re.compile(r"\d{12}\.dkr\.ecr\.")
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

# Secrets Manager ends a secret's ARN with six characters of its own, which may be left out.
_ARN_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


def permitted(job: Job | InvalidRow, allowed: Allowed) -> Job | InvalidRow:
    """Return the job, or every part of its row that reaches further than rows may."""
    if isinstance(job, InvalidRow):
        return job
    errors = tuple(_violations(job, allowed))
    return InvalidRow(job.job_name, errors) if errors else job


def repository_of(image: str) -> str:
    """Return an image's repository in full, without tag and digest: ``docker.io/library/busybox``.

    Two spellings of one repository are the same.
    """
    name, _ = without_tag(image.partition("@")[0])
    registry, slash, rest = name.partition("/")
    if not slash or not _REGISTRY.fullmatch(registry):
        registry, rest = "docker.io", name
    registry = registry.lower()
    if registry in _DOCKER_HUB:
        registry, rest = "docker.io", rest if "/" in rest else f"library/{rest}"
    return f"{registry}/{rest}"


def _violations(job: Job, allowed: Allowed) -> Iterator[FieldError]:
    yield from _of_tags(job, allowed)
    yield from _of_network(job, allowed)
    if job.fan_out and job.fan_out.source:
        yield from _of_items(job.fan_out.source, allowed)
    yield from _of_permissions(job, allowed)
    if job.build:
        yield from _of_build(job, job.build, allowed)
    if isinstance(job, ContainerJob):
        if not job.build:
            yield from _of_image(job.image, allowed)
        yield from _of_secrets(job.secrets, allowed)
    if isinstance(job, LambdaJob):
        yield from _of_secrets(job.secrets, allowed)
        yield from _of_function(job, allowed)
    if isinstance(job, Ec2Job):
        yield from _of_machine(job, allowed)
    if job.slack_channel and not _is_listed(job.slack_channel, allowed.slack_channels):
        message = _message(job.slack_channel, allowed.slack_channels, "AllowedSlackChannels")
        yield FieldError("slack_channel", message)


def _of_tags(job: Job, allowed: Allowed) -> Iterator[FieldError]:
    for key in job.tags:
        if _matches(key.casefold(), map(str.casefold, allowed.reserved_tag_keys)):
            message = "is reserved for the platform (parameter ReservedTagKeys of the bootstrap)"
            yield FieldError(f"tags.{printable(key)}", message)


def _of_network(job: Job, allowed: Allowed) -> Iterator[FieldError]:
    network = job.network or Network()
    yield from _unlisted("subnets", network.subnets, allowed.subnets, "AllowedSubnets")
    yield from _unlisted(
        "security_groups", network.security_groups, allowed.security_groups, "AllowedSecurityGroups"
    )


def _unlisted(
    attribute: str, named: tuple[str, ...], known: tuple[str, ...], parameter: str
) -> Iterator[FieldError]:
    for index, one in enumerate(named):
        if not _is_listed(one, known):
            yield FieldError(f"network.{attribute}[{index}]", _message(one, known, parameter))


def _of_items(source: ItemSource, allowed: Allowed) -> Iterator[FieldError]:
    """Keep a row from its neighbours' results: the role that reads items reads those as well."""
    if source.place.bucket == allowed.artifacts_bucket:
        message = "is the bootstrap's artifacts bucket, which holds what other jobs have left"
        yield FieldError(f"fan_out.source.{source.kind}", message)


def _of_permissions(job: Job, allowed: Allowed) -> Iterator[FieldError]:
    for index, granted in enumerate(job.permissions):
        match granted:
            case SubmitGrant(name) if not _matches(name, allowed.submissions):
                message = _message(name, allowed.submissions, "AllowedSubmissions")
            case Grant() if problem := _grant_problem(granted, allowed):
                message = problem
            case _:
                continue
        yield FieldError(f"permissions[{index}]", message)


def _grant_problem(granted: Grant, allowed: Allowed) -> str | None:
    """Say why a grant could never be used: the boundary denies it, whatever the row says."""
    match granted.word:
        case "read" | "write":
            return _bucket_problem(granted, allowed)
        case "send":
            return _destination_problem(granted.target, allowed)
        case "secret":
            return _secret_problem(granted.target, allowed)
        case _ if granted.target in allowed.own_names:
            return f'"{granted.target}" is a table of the provisioner, not for jobs'
        case _:
            return None


def _bucket_problem(granted: Grant, allowed: Allowed) -> str | None:
    bucket, path = bucket_and_path(granted.target)
    if bucket == allowed.artifacts_bucket and path.partition("/")[0] != _FOR_JOBS:
        return (
            "is in the artifacts bucket, where the provisioner keeps what is its own: use a bucket "
            f"of yours ({_FOR_JOBS}/ is open to all jobs)"
        )
    is_code = bucket == allowed.bundle_bucket or bucket.startswith(_CODE_BUCKETS)
    if granted.word == "write" and is_code:
        return f'"{bucket}" holds code that is deployed from there, which jobs can only read'
    return None


def _destination_problem(target: str, allowed: Allowed) -> str | None:
    service, name = "", target
    if target.startswith("arn:"):
        _, _, service, _, _, name = target.split(":")
        here = f"{allowed.region}:{allowed.account_id}"
        if target != f"arn:{allowed.partition}:{service}:{here}:{name}":
            return f"must be of this account and Region, {here}"
    queues_of_jobs = tuple(f"{allowed.prefix}{after}" for after in "-_")
    if name in allowed.own_names or (service != "sns" and name.startswith(queues_of_jobs)):
        return f'"{name}" belongs to the provisioner; to send to a job, write "submit: <job>"'
    return None


def _of_image(image: str, allowed: Allowed) -> Iterator[FieldError]:
    repository = repository_of(image)
    if _is_own(repository, allowed) or _matches(repository, allowed.image_repositories):
        return
    own = f"{allowed.account_id}.dkr.ecr.*"
    message = _message(repository, (own, *allowed.image_repositories), "AllowedImageRepositories")
    yield FieldError("image", message)


def _of_build(job: Job, build: Build, allowed: Allowed) -> Iterator[FieldError]:
    if job.architecture not in allowed.builds:
        message = f"is not possible for {job.architecture} here (parameter Builds of the bootstrap)"
        yield FieldError("build", message)
    source = build.source
    if not isinstance(source, GitSource):
        return
    if not _is_open(source.connection, allowed):
        message = _message(source.connection, allowed.git_connections, "GitConnections")
        yield FieldError("build.source.connection", message)
    if not _matches(source.repository, allowed.git_repositories):
        message = _message(source.repository, allowed.git_repositories, "AllowedGitRepositories")
        yield FieldError("build.source.repository", message)


def _is_open(connection: str, allowed: Allowed) -> bool:
    """Tell whether a connection is of this account and Region, and named: one can read much."""
    _, partition, _, region, account_id, name = connection.split(":")
    here = (allowed.partition, allowed.region, allowed.account_id)
    is_here = (partition, region, account_id) == here
    return is_here and name.removeprefix("connection/") in allowed.git_connections


def _of_function(job: LambdaJob, allowed: Allowed) -> Iterator[FieldError]:
    if job.image:
        yield from _of_image(job.image, allowed)
        if f".dkr.ecr.{allowed.region}." not in job.image.partition("/")[0]:
            message = f"is not in {allowed.region}: Lambda takes images of its own Region only"
            yield FieldError("image", message)
    here = f"arn:{allowed.partition}:lambda:{allowed.region}:"
    own = f"{here}{allowed.account_id}:layer:"
    for index, arn in enumerate(job.layers):
        if not arn.startswith(here):
            message = f"is not in this Region: Lambda takes only layers of {here}..."
            yield FieldError(f"layers[{index}]", message)
        elif not arn.startswith(own) and not _matches(arn, allowed.layers):
            message = _message(arn, (f"{own}*", *allowed.layers), "AllowedLayers")
            yield FieldError(f"layers[{index}]", message)
    if (job.reserved_concurrency or 0) > allowed.max_reserved_concurrency:
        message = (
            f"must be at most {allowed.max_reserved_concurrency} "
            "(parameter MaxReservedConcurrency of the bootstrap): what one reserves, others lack"
        )
        yield FieldError("reserved_concurrency", message)


def _of_machine(job: Ec2Job, allowed: Allowed) -> Iterator[FieldError]:
    """Keep a machine to AMIs that were opened, and to registries that its role can log in to."""
    if job.ami and job.ami.startswith("ami-") and not _is_listed(job.ami, allowed.amis):
        yield FieldError("ami", _message(job.ami, allowed.amis, "AllowedAmis"))
    host = job.image.partition("/")[0]  # of an image that is built: none
    own = f"{allowed.account_id}.dkr.ecr.{allowed.region}."
    if _ECR_HOST.match(host) and not host.startswith(own):
        message = (
            f"is in {host}; a machine pulls with its job's own role, which does not leave this "
            f"account and Region: push it to {own}amazonaws.com"
        )
        yield FieldError("image", message)


def _is_own(repository: str, allowed: Allowed) -> bool:
    """Tell whether a repository is in this account's own registry, of whatever Region."""
    host = rf"{allowed.account_id}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
    return re.match(rf"{host}/", repository) is not None


def _of_secrets(secrets: Mapping[str, str], allowed: Allowed) -> Iterator[FieldError]:
    for name, arn in secrets.items():
        if problem := _secret_problem(arn, allowed):
            yield FieldError(f"secrets.{name}", problem)


def _secret_problem(arn: str, allowed: Allowed) -> str | None:
    where = f"{allowed.region}:{allowed.account_id}"
    open_to_jobs = (
        f"arn:{allowed.partition}:secretsmanager:{where}:secret:{allowed.secrets_prefix}/",
        f"arn:{allowed.partition}:ssm:{where}:parameter/{allowed.secrets_prefix}/",
    )
    if _is_slack_secret(arn, allowed.slack_secret_arn):
        return "is the bootstrap's Slack secret, not for jobs"
    if not arn.startswith(open_to_jobs):
        ways = " or ".join(f"{beginning}..." for beginning in open_to_jobs)
        return f"must be {ways} (parameter SecretsPrefix of the bootstrap)"
    return None


def _is_slack_secret(arn: str, slack_secret_arn: str) -> bool:
    """Tell whether an ARN can be of that secret, spelled with or without its six characters."""
    if not slack_secret_arn:
        return False
    named = ":".join(arn.split(":")[:7]).casefold()
    slack = slack_secret_arn.casefold()
    bare = _ARN_SUFFIX.sub("", slack)
    return named in {slack, bare} or _ARN_SUFFIX.sub("", named) == bare


def _is_listed(name: str, known: tuple[str, ...]) -> bool:
    return EVERYTHING in known or name in known


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a name is one of `patterns`; those that end with ``*`` are beginnings."""
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
    )


def _message(name: str, known: tuple[str, ...], parameter: str) -> str:
    some = ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
    of = f"jobs may use {some}" if known else "jobs may use none"
    return f'"{name}" is not open to jobs: {of} (parameter {parameter} of the bootstrap)'
