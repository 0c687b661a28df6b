"""A job that is built from source, with builds that have been."""

from __future__ import annotations

from datetime import timedelta

from provisioner.stacks.model import BuildAttempt, BuildStatus
from tests.support.cli import BUNDLES, NOW
from tests.support.clients import CLIENTS

SOURCE = f"s3://{BUNDLES}/report/source.zip"
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "main.handler",
    "build": {"source": SOURCE},
}
GIT_ROW = ROW | {
    "build": {
        "source": {
            "connection": "arn:aws:codeconnections:eu-west-1:123456789012:connection/"
            "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f",
            "repository": "github.com/acme/report",
            "commit": "a" * 40,
        }
    }
}
LAST, FIRST = "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f", "71be0d52-7a4e-4a53-9f0f-3c6d1c1d2e3f"
GROUP = "/aws/codebuild/jobs_build"


def attempt(identifier: str, status: BuildStatus, **more: object) -> BuildAttempt:
    return BuildAttempt(
        identifier * 2,
        status,
        f"jobs_build_arm64:{identifier}",
        source_version="v1",
        started_at=NOW,
        **more,  # type: ignore[arg-type]
    )


def built(here) -> None:  # type: ignore[no-untyped-def]
    """Let the last build have failed and the one before have succeeded; the last one has a log."""
    here.jobs.put(ROW)
    later = NOW + timedelta(seconds=12)
    here.save(
        build=attempt(LAST, BuildStatus.FAILED, reason="BUILD: no such file", ended_at=later),
        former_builds=(attempt(FIRST, BuildStatus.SUCCEEDED, ended_at=later),),
    )
    printed(LAST, "one", "two", "three")


def printed(identifier: str, *lines: str) -> None:
    """Let a build have printed lines."""
    if not CLIENTS.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        CLIENTS.logs.create_log_group(logGroupName=GROUP)
    CLIENTS.logs.create_log_stream(logGroupName=GROUP, logStreamName=identifier)
    at = int(NOW.timestamp() * 1000)
    events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
    CLIENTS.logs.put_log_events(logGroupName=GROUP, logStreamName=identifier, logEvents=events)
