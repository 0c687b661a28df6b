"""Rows of the Jobs table as people write them: a job of each type, as jobs usually are."""

from __future__ import annotations

_COMMON: dict[str, object] = {
    "description": "Sums up yesterday's orders",
    "owner": "orders@example.com",
    "tags": {"team": "orders", "cost-center": "4711"},
    "schedule": ["cron(0 6 * * ? *)", "rate(12 hours)"],
    "timezone": "Europe/Berlin",
    "payload": {"day": "yesterday", "limit": 1000},
    "timeout_seconds": 1800,
    "retries": 2,
    "environment": {"LOG_LEVEL": "INFO", "TABLE": "orders"},
    "permissions": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": "arn:aws:s3:::orders-input/*",
        }
    ],
}


def lambda_row(job_name: str) -> dict[str, object]:
    return {
        **_COMMON,
        "job_name": job_name,
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "main.handler",
        "bundle": "s3://orders-bundles/summary.zip",
        "memory_mb": 512,
    }


def ecs_row(job_name: str) -> dict[str, object]:
    return {
        **_COMMON,
        "job_name": job_name,
        "type": "ecs",
        "image": "public.ecr.aws/docker/library/busybox:1.37",
        "command": ["sh", "-c", "echo done"],
        "cpu": 256,
        "memory_mb": 512,
    }
