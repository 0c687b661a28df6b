"""Everything a function reads from its environment, once, to be passed on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_OWN = (
    *("JOBS_TABLE", "STACKS_TABLE", "TRIGGERS_TABLE", "RATE_LIMITS_TABLE", "RECONCILE_QUEUE_URL"),
    *("DEAD_LETTER_QUEUE_URL", "MISSED_SCHEDULES_QUEUE", "NOTIFICATION_TOPIC", "SUBMISSION_TOPIC"),
    "AUDIT_TABLE",
)
"""Settings that name what no job may use: tables, queues and topics."""

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


class DeploymentMode(StrEnum):
    """When CloudFormation ends an operation (Mode of DeploymentConfig in its API reference)."""

    STANDARD = "STANDARD"
    """When every resource is ready."""

    EXPRESS = "EXPRESS"
    """When every resource's configuration is applied: some may not be ready yet."""


def console_home(partition: str, region: str, service: str) -> str:
    """Return the address of a service in the AWS console."""
    host = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{host}/{service}/home?region={region}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a row may name that is not its job's own, by the bootstrap's parameters.

    Each list that has a ``*`` allows everything of its kind. `provisioner.jobs.allowed` holds
    rows to it.

    Attributes
    ----------
    own_names
        The bootstrap's own tables, queues and topics.
    builds
        The architectures for which code is built.
    git_connections
        The ids of connections, with which their ARNs end.
    """

    partition: str
    region: str
    account_id: str
    secrets_prefix: str
    prefix: str = ""
    own_names: frozenset[str] = frozenset()
    artifacts_bucket: str = ""
    bundle_bucket: str = ""
    slack_secret_arn: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    image_repositories: tuple[str, ...] = ()
    amis: tuple[str, ...] = ()
    slack_channels: tuple[str, ...] = ()
    reserved_tag_keys: tuple[str, ...] = ()
    submissions: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    git_connections: tuple[str, ...] = ()
    git_repositories: tuple[str, ...] = ()
    max_reserved_concurrency: int = 0

    @property
    def registry(self) -> str:
        """The host of this account's ECR."""
        suffix = ".cn" if self.partition == "aws-cn" else ""
        return f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com{suffix}"

    @classmethod
    def from_json(
        cls, text: str, *, prefix: str, artifacts_bucket: str, subnets: str, own: Iterable[str]
    ) -> Self:
        """Read what template.yaml writes of its parameters; items of a list separate by commas.

        Parameters
        ----------
        prefix, artifacts_bucket, subnets
            The bootstrap's own; its subnets are always allowed.
        own
            Its tables, queues and topics, by name, address or ARN.
        """
        said: dict[str, str] = json.loads(text)
        said |= {"prefix": prefix, "artifacts_bucket": artifacts_bucket}
        said["subnets"] = f"{subnets},{said['subnets']}"
        lists = (
            *("subnets", "security_groups", "image_repositories", "amis", "slack_channels"),
            *("reserved_tag_keys", "submissions", "layers", "git_connections", "git_repositories"),
        )
        git = said.pop("git", " ")  # a bootstrap of an earlier release has none
        said["git_connections"], said["git_repositories"] = git.split(" ")
        builds = said.pop("builds")
        architectures = {"none": (), "all": ("arm64", "x86_64")}.get(builds, (builds,))
        split = {name: tuple(filter(None, said.pop(name).split(","))) for name in lists}
        names = frozenset(re.split("[:/]", each)[-1] for each in own if each)
        numbers = {"max_reserved_concurrency": int(said.pop("max_reserved_concurrency"))}
        return cls(own_names=names, builds=architectures, **numbers, **said, **split)  # type: ignore[arg-type]  # mypy takes each for every field


@dataclass(frozen=True, slots=True)
class Platform:
    """What the bootstrap made, as the stack of a job refers to it."""

    prefix: str
    partition: str
    region: str
    account_id: str
    triggers_table: str
    artifacts_bucket: str
    notification_topic_arn: str
    submission_topic_arn: str
    job_queue_function_arn: str
    schedule_group: str
    scheduler_role_arn: str
    missed_schedules_queue_arn: str
    workflow_role_arn: str
    execution_role_arn: str
    permissions_boundary_arn: str
    job_limits_policy_arn: str
    machine_policy_arn: str
    ecs_cluster_arn: str
    secrets_layer_arn: str
    secrets_key_arn: str
    vpc_id: str
    subnets: tuple[str, ...]
    assign_public_ip: bool
    log_retention_days: int
    max_chain_depth: int
    deployment_mode: DeploymentMode
    allowed: Allowed

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the pairs that `Settings.from_environ` has taken apart.

        They have names where these are enough for ARNs: all variables of a function have room for
        4 KB.
        """
        prefix, partition = environ["PREFIX"], environ["PARTITION"]
        region, account_id = environ["AWS_REGION"], environ["ACCOUNT_ID"]

        def arn(service: str, resource: str) -> str:
            return f"arn:{partition}:{service}:{region}:{account_id}:{resource}"

        def role_arn(name: str) -> str:
            return f"arn:{partition}:iam::{account_id}:role/{prefix}_provisioner/{name}"

        def policy_arn(name: str) -> str:
            return f"arn:{partition}:iam::{account_id}:policy/{prefix}_provisioner/{name}"

        return cls(
            prefix=prefix,
            partition=partition,
            region=region,
            account_id=account_id,
            triggers_table=environ["TRIGGERS_TABLE"],
            artifacts_bucket=environ["ARTIFACTS_BUCKET"],
            notification_topic_arn=arn("sns", environ["NOTIFICATION_TOPIC"]),
            submission_topic_arn=arn("sns", environ["SUBMISSION_TOPIC"]),
            job_queue_function_arn=arn("lambda", f"function:{prefix}_job_queue"),
            schedule_group=environ["SCHEDULE_GROUP"],
            scheduler_role_arn=role_arn(environ["SCHEDULER_ROLE"]),
            missed_schedules_queue_arn=arn("sqs", environ["MISSED_SCHEDULES_QUEUE"]),
            workflow_role_arn=role_arn(environ["WORKFLOW_ROLE"]),
            execution_role_arn=role_arn(environ["EXECUTION_ROLE"]),
            permissions_boundary_arn=environ["PERMISSIONS_BOUNDARY_ARN"],
            job_limits_policy_arn=policy_arn(environ["JOB_LIMITS_POLICY"]),
            machine_policy_arn=policy_arn(environ["MACHINE_POLICY"]),
            ecs_cluster_arn=arn("ecs", f"cluster/{environ['ECS_CLUSTER']}"),
            secrets_layer_arn=arn("lambda", f"layer:{prefix}_secrets:{environ['SECRETS_LAYER']}"),
            secrets_key_arn="" if (key := environ["SECRETS_KEY"]) == "none" else key,
            vpc_id=environ["VPC_ID"],
            subnets=tuple(filter(None, environ["SUBNETS"].split(","))),
            assign_public_ip=environ["ASSIGN_PUBLIC_IP"] == "true",
            log_retention_days=int(environ["LOG_RETENTION_DAYS"]),
            max_chain_depth=int(environ["MAX_CHAIN_DEPTH"]),
            deployment_mode=DeploymentMode(environ["DEPLOYMENT_MODE"]),
            allowed=Allowed.from_json(
                environ["ALLOWED"],
                prefix=environ["PREFIX"],
                artifacts_bucket=environ["ARTIFACTS_BUCKET"],
                subnets=environ["SUBNETS"],
                own=(environ[name] for name in _OWN),
            ),
        )

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def role_arn(self, name: str) -> str:
        """Return the ARN of one of the bootstrap's own roles."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.prefix}_provisioner/{name}"

    def batch_queue_arn(self, priority: str, *, spot: bool = False) -> str:
        """Return the ARN of the Batch queue of a priority (bootstrap/compute.yaml names them)."""
        return self.arn("batch", f"job-queue/{self.prefix}_{priority}{'_spot' if spot else ''}")

    @property
    def batch_queue_arns(self) -> tuple[str, ...]:
        """The ARNs of all Batch queues, those that start jobs sooner first."""
        return tuple(
            self.batch_queue_arn(priority, spot=spot)
            for priority in ("high", "normal", "low")
            for spot in (False, True)
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The bootstrap's own parts, for its functions."""

    platform: Platform
    jobs_table: str
    stacks_table: str
    rate_limits_table: str
    audit_table: str
    audit_retention_days: int
    deletion_budget_jobs: int
    deletion_budget_percent: int
    automatic_upgrade: tuple[int, ...]
    reconcile_queue_url: str
    dead_letter_queue_url: str
    cloudformation_role_arn: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read what template.yaml gives every function, most of it as pairs in one variable.

        Nested templates take it as one parameter. A variable of a function's own wins.

        Raises
        ------
        KeyError
            If a setting is missing: the deployment is broken, and the name says where.
        """
        pairs = environ.get("SETTINGS", "").split()
        environ = dict(pair.split("=", 1) for pair in pairs) | dict(environ)
        platform = Platform.from_environ(environ)
        return cls(
            platform=platform,
            jobs_table=environ["JOBS_TABLE"],
            stacks_table=environ["STACKS_TABLE"],
            rate_limits_table=environ["RATE_LIMITS_TABLE"],
            audit_table=environ["AUDIT_TABLE"],
            audit_retention_days=int(environ["AUDIT_RETENTION_DAYS"]),
            deletion_budget_jobs=int(environ["DELETION_BUDGET_JOBS"]),
            deletion_budget_percent=int(environ["DELETION_BUDGET_PERCENT"]),
            automatic_upgrade=_waves(environ["AUTOMATIC_UPGRADE"]),
            reconcile_queue_url=environ["RECONCILE_QUEUE_URL"],
            dead_letter_queue_url=environ["DEAD_LETTER_QUEUE_URL"],
            cloudformation_role_arn=platform.role_arn(environ["CLOUDFORMATION_ROLE"]),
        )

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the bootstrap's stack that `provisioner.service` reads."""
        platform = self.platform
        return {
            "Prefix": platform.prefix,
            "Subnets": ",".join(platform.subnets),
            "JobsTableName": self.jobs_table,
            "StacksTableName": self.stacks_table,
            "TriggersTableName": platform.triggers_table,
            "AuditTableName": self.audit_table,
            "AuditRetentionDays": str(self.audit_retention_days),
            "BundleBucketName": platform.allowed.bundle_bucket,
            "ArtifactsBucketName": platform.artifacts_bucket,
            "ReconcileQueueUrl": self.reconcile_queue_url,
            "DeadLetterQueueUrl": self.dead_letter_queue_url,
            "NotificationTopicArn": platform.notification_topic_arn,
            "SubmissionTopicArn": platform.submission_topic_arn,
            "SweepFunctionArn": platform.arn(
                "lambda", f"function:{platform.prefix}_provisioner_sweep"
            ),
            "RunEventsFunctionArn": platform.arn(
                "lambda", f"function:{platform.prefix}_provisioner_run_events"
            ),
        }


def _waves(text: str) -> tuple[int, ...]:
    return () if text == "off" else tuple(int(percent) for percent in text.split(","))


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """What the function that writes to Slack needs as well."""

    secret_arn: str
    queue_url: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables that template.yaml gives this one function."""
        return cls(secret_arn=environ["SLACK_SECRET_ARN"], queue_url=environ["SLACK_QUEUE_URL"])


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """How people sign in at the console.

    Attributes
    ----------
    secret_arn
        Of the client's secret; "" for a public client.
    roles
        Pairs of a group of the issuer and the name of its role.
    """

    sessions_table: str
    issuer: str
    client_id: str
    secret_arn: str
    groups_claim: str
    roles: tuple[tuple[str, str], ...]

    @classmethod
    def of_stage(
        cls, environ: Mapping[str, str], variables: Mapping[str, str] | None
    ) -> Self | None:
        """Read the variables of the stage of the console's API; None without a sign-in.

        Raises
        ------
        KeyError
            If there is to be a sign-in, and the stage does not say which: nobody comes in then.
        """
        if environ.get("CONSOLE") != "sign-in":
            return None
        variables = variables or {}
        pairs = (pair.partition("=") for pair in variables["Roles"].split(","))
        return cls(
            sessions_table=variables["SessionsTable"],
            issuer=variables["Issuer"],
            client_id=variables["ClientId"],
            secret_arn="" if variables["SecretArn"] == "none" else variables["SecretArn"],
            groups_claim=variables["GroupsClaim"],
            roles=tuple((group, role) for group, _, role in pairs),
        )


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What the function of the API needs as well.

    Attributes
    ----------
    scope_prefix
        What comes before `read`, `operate`, `write` and `admin` in the scopes of tokens.
    """

    scope_prefix: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables that bootstrap/api.yaml gives this one function."""
        return cls(environ["SCOPE_PREFIX"])
