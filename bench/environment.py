"""The environment that template.yaml gives the functions, with nothing behind it."""

from __future__ import annotations

import json
import os

_ACCOUNT = "123456789012"

FUNCTION = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_LAMBDA_FUNCTION_NAME": "jobs-JobStreamFunction",
    "LAMBDA_TASK_ROOT": "/var/task",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "POWERTOOLS_SERVICE_NAME": "provisioner",
    "LOG_LEVEL": "INFO",
    "PREFIX": "jobs",
    "SCOPE_PREFIX": "jobs/",
    "PARTITION": "aws",
    "ACCOUNT_ID": _ACCOUNT,
    "JOBS_TABLE": "jobs-jobs",
    "STACKS_TABLE": "jobs-stacks",
    "RATE_LIMITS_TABLE": "jobs-RateLimits",
    "AUDIT_TABLE": "jobs-Audit",
    "AUDIT_RETENTION_DAYS": "400",
    "DELETION_BUDGET_JOBS": "20",
    "DELETION_BUDGET_PERCENT": "25",
    "TRIGGERS_TABLE": "jobs-triggers",
    "RECONCILE_QUEUE_URL": f"https://sqs.eu-central-1.amazonaws.com/{_ACCOUNT}/jobs-reconcile",
    "DEAD_LETTER_QUEUE_URL": f"https://sqs.eu-central-1.amazonaws.com/{_ACCOUNT}/jobs-dead",
    "ARTIFACTS_BUCKET": "jobs-artifacts",
    "NOTIFICATION_TOPIC": "jobs",
    "MISSED_SCHEDULES_QUEUE": "jobs-missed-schedules",
    "SUBMISSION_TOPIC": "jobs-submissions",
    "SCHEDULE_GROUP": "jobs",
    "SCHEDULER_ROLE": "scheduler",
    "WORKFLOW_ROLE": "workflow",
    "EXECUTION_ROLE": "execution",
    "CLOUDFORMATION_ROLE": "cloudformation",
    "PERMISSIONS_BOUNDARY_ARN": f"arn:aws:iam::{_ACCOUNT}:policy/jobs-boundary",
    "MACHINE_POLICY": "machine",
    "JOB_LIMITS_POLICY": "limits",
    "ECS_CLUSTER": "jobs",
    "SECRETS_LAYER": "1",
    "SECRETS_KEY": "none",
    "VPC_ID": "vpc-0123456789abcdef0",
    "SUBNETS": "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
    "ASSIGN_PUBLIC_IP": "false",
    "LOG_RETENTION_DAYS": "30",
    "MAX_CHAIN_DEPTH": "16",
    "DEPLOYMENT_MODE": "STANDARD",
    "AUTOMATIC_UPGRADE": "off",
    "ALLOWED": json.dumps(
        {
            "partition": "aws",
            "region": "eu-central-1",
            "account_id": _ACCOUNT,
            "secrets_prefix": "jobs",
            "slack_secret_arn": "",
            "subnets": "*",
            "security_groups": "*",
            "image_repositories": "*",
            "amis": "*",
            "slack_channels": "*",
            "layers": "*",
            "max_reserved_concurrency": "1000",
            "builds": "all",
            "reserved_tag_keys": "",
            "submissions": "",
        }
    ),
}


OUTSIDE_LAMBDA = {"LAMBDA_TASK_ROOT": ""}
"""Makes libraries think that they are not in Lambda; X-Ray's SDK then starts much slower."""


def for_process(changes: dict[str, str] | None = None) -> dict[str, str]:
    """Return a function's environment for a process of its own, free of the caller's settings.

    Python keeps compiled modules as it does by default: what ships to Lambda is compiled too.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "LAMBDA_", "POWERTOOLS_", "PYTHON"))
    }
    return inherited | FUNCTION | {"PYTHONHASHSEED": "0"} | (changes or {})
