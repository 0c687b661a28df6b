"""A bootstrap to build templates for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import templates
from provisioner.settings import Allowed, DeploymentMode, Platform, Settings

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from provisioner.jobs import Job

EVERYTHING = Allowed(
    partition="aws",
    region="eu-west-1",
    account_id="123456789012",
    secrets_prefix="jobs",
    subnets=("*",),
    security_groups=("*",),
    image_repositories=("*",),
    amis=("*",),
    slack_channels=("*",),
    submissions=("*",),
    layers=("*",),
    max_reserved_concurrency=1_000,
    builds=("arm64", "x86_64"),
    git_connections=("0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f",),
    git_repositories=("*",),
)
"""Parameters that open to rows what can be opened."""

PLATFORM = Platform(
    prefix="jobs",
    partition="aws",
    region="eu-west-1",
    account_id="123456789012",
    triggers_table="jobs-TriggersTable",
    artifacts_bucket="jobs-artifacts",
    notification_topic_arn="arn:aws:sns:eu-west-1:123456789012:jobs-notifications",
    missed_schedules_queue_arn="arn:aws:sqs:eu-west-1:123456789012:jobs-missed-schedules",
    submission_topic_arn="arn:aws:sns:eu-west-1:123456789012:jobs-submissions",
    job_queue_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:jobs_job_queue",
    schedule_group="jobs",
    scheduler_role_arn="arn:aws:iam::123456789012:role/jobs-bootstrap/scheduler",
    workflow_role_arn="arn:aws:iam::123456789012:role/jobs-bootstrap/workflow",
    execution_role_arn="arn:aws:iam::123456789012:role/jobs-bootstrap/execution",
    permissions_boundary_arn="arn:aws:iam::123456789012:policy/jobs-bootstrap/boundary",
    machine_policy_arn="arn:aws:iam::123456789012:policy/jobs-bootstrap/machine",
    job_limits_policy_arn="arn:aws:iam::123456789012:policy/jobs-bootstrap/limits",
    ecs_cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/jobs",
    secrets_layer_arn="arn:aws:lambda:eu-west-1:123456789012:layer:jobs_secrets:1",
    secrets_key_arn="",
    vpc_id="vpc-0123456789abcdef0",
    subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
    assign_public_ip=True,
    log_retention_days=30,
    max_chain_depth=16,
    deployment_mode=DeploymentMode.STANDARD,
    allowed=EVERYTHING,
)


def synthesize(job: Job, now: datetime, missing: Collection[str]) -> str:
    """Make the template of a job's stack for that bootstrap."""
    return templates.synthesize(job, PLATFORM, now, missing)


SETTINGS = Settings(
    platform=PLATFORM,
    jobs_table="jobs-Jobs",
    stacks_table="jobs-Stacks",
    rate_limits_table="jobs-RateLimits",
    audit_table="jobs-Audit",
    audit_retention_days=400,
    deletion_budget_jobs=20,
    deletion_budget_percent=25,
    automatic_upgrade=(),
    dead_letter_queue_url="https://sqs/jobs-DeadLetters",
    reconcile_queue_url="https://sqs/jobs-Reconcile",
    cloudformation_role_arn="arn:aws:iam::123456789012:role/cloudformation",
)
