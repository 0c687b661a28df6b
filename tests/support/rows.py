"""The row, and the time, that many tests share."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BUNDLES = "jobs-bundles"
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "main.handler",
    "bundle": f"s3://{BUNDLES}/report.zip",
}
