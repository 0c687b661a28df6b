"""The log group of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from troposphere import Ref
from troposphere.logs import LogGroup

from provisioner.settings import console_home

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform


def group_name(job: Job, platform: Platform) -> str:
    """Return the name of the group that everything a job prints goes to."""
    return f"/{platform.prefix}/{job.job_name}"


def log_group(job: Job, platform: Platform) -> LogGroup:
    """Return the group.

    Its metadata hold the stack's parameters: for CloudFormation a changed parameter alone is not
    an update unless a resource refers to it.
    """
    return LogGroup(
        "LogGroup",
        LogGroupName=group_name(job, platform),
        RetentionInDays=job.log_retention_days or platform.log_retention_days,
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
        Metadata={
            "SpecDigest": Ref("SpecDigest"),
            "TemplateVersion": Ref("TemplateVersion"),
            "DeletionPolicy": Ref("DeletionPolicy"),
        },
    )


def console_url(platform: Platform, name: str) -> str:
    """Return the address of a log group in the AWS console, which escapes names its own way."""
    home = console_home(platform.partition, platform.region, "cloudwatch")
    escaped = quote(quote(name, safe=""), safe="").replace("%", "$")
    return f"{home}#logsV2:log-groups/log-group/{escaped}"
