"""The bootstrap's parts in moto, and the environment that its functions would have."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

from tests.support.functions import forget
from tests.support.moto import (
    ACCOUNT,
    REGION,
    Tables,
    make_buckets,
    make_cluster,
    make_queues,
    put_bundle,
)
from tests.support.tables import AUDIT_TABLE, make_table


@pytest.fixture
def bootstrap(monkeypatch):
    """Yield the environment of the functions, with everything it names in existence."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": "test",
        "POWERTOOLS_SERVICE_NAME": "provisioner",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb = Tables()
        make_table(dynamodb, "jobs-Jobs", "job_name")
        make_table(dynamodb, "jobs-Stacks", "job_name", index=("status", "updated_at"))
        runs = ("job_name", "trigger_id")
        make_table(dynamodb, "jobs-Triggers", *runs, index=("status", "started_at"))
        make_table(dynamodb, "jobs-RateLimits", "quota")
        dynamodb.create_table(TableName="jobs-Audit", **AUDIT_TABLE)
        make_buckets("bundles", "artifacts")
        put_bundle("bundles")
        queue, dead_letters = make_queues("reconcile", "dead-letters")
        make_cluster("jobs")
        environment = {
            "PREFIX": "jobs",
            "PARTITION": "aws",
            "ACCOUNT_ID": ACCOUNT,
            "JOBS_TABLE": "jobs-Jobs",
            "STACKS_TABLE": "jobs-Stacks",
            "RATE_LIMITS_TABLE": "jobs-RateLimits",
            "AUDIT_TABLE": "jobs-Audit",
            "AUDIT_RETENTION_DAYS": "400",
            "DELETION_BUDGET_JOBS": "20",
            "DELETION_BUDGET_PERCENT": "25",
            "TRIGGERS_TABLE": "jobs-Triggers",
            "RECONCILE_QUEUE_URL": queue,
            "DEAD_LETTER_QUEUE_URL": dead_letters,
            "ARTIFACTS_BUCKET": "artifacts",
            "NOTIFICATION_TOPIC": "jobs",
            "MISSED_SCHEDULES_QUEUE": "jobs-missed-schedules",
            "SUBMISSION_TOPIC": "jobs-submissions",
            "SCHEDULE_GROUP": "jobs",
            "SCHEDULER_ROLE": "scheduler",
            "WORKFLOW_ROLE": "workflow",
            "EXECUTION_ROLE": "execution",
            "CLOUDFORMATION_ROLE": "cloudformation",
            "PERMISSIONS_BOUNDARY_ARN": f"arn:aws:iam::{ACCOUNT}:policy/jobs/boundary",
            "MACHINE_POLICY": "machine",
            "JOB_LIMITS_POLICY": "limits",
            "ECS_CLUSTER": "jobs",
            "SECRETS_LAYER": "1",
            "SECRETS_KEY": "none",
            "VPC_ID": "vpc-0123456789abcdef0",
            "SUBNETS": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
            "ASSIGN_PUBLIC_IP": "true",
            "LOG_RETENTION_DAYS": "30",
            "MAX_CHAIN_DEPTH": "16",
            "DEPLOYMENT_MODE": "STANDARD",
            "AUTOMATIC_UPGRADE": "off",
            "ALLOWED": json.dumps(
                {
                    "partition": "aws",
                    "region": REGION,
                    "account_id": ACCOUNT,
                    "secrets_prefix": "jobs",
                    "slack_secret_arn": "",
                    "subnets": "*",
                    "security_groups": "*",
                    "image_repositories": "*",
                    "amis": "",
                    "slack_channels": "*",
                    "layers": "*",
                    "max_reserved_concurrency": "1000",
                    "builds": "all",
                    "reserved_tag_keys": "",
                    "submissions": "*",
                }
            ),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget()
        yield environment
        forget()


@pytest.fixture
def batch_queues(bootstrap):  # noqa: ARG001  (it is that fixture that mocks AWS)
    """Make the bootstrap's queues, which all have one environment here, of the kind moto likes."""
    trust = {"RoleName": "batch", "AssumeRolePolicyDocument": "{}"}
    batch = boto3.client("batch")
    environment = batch.create_compute_environment(
        computeEnvironmentName="jobs",
        type="UNMANAGED",
        state="ENABLED",
        serviceRole=boto3.client("iam").create_role(**trust)["Role"]["Arn"],
    )["computeEnvironmentArn"]
    for priority in ("high", "normal", "low"):
        for kind in ("", "_spot"):
            batch.create_job_queue(
                jobQueueName=f"jobs_{priority}{kind}",
                state="ENABLED",
                priority=1,
                computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
            )
