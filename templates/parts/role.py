"""The one role of a job: what its code may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere.iam import Policy, Role

from provisioner.jobs.permissions import all_statements
from templates.parts.arns import in_account
from templates.parts.logs import group_name

if TYPE_CHECKING:
    from troposphere import Sub

    from provisioner.jobs import Job
    from provisioner.jobs.model import RowModel
    from provisioner.settings import Platform

Statement = dict[str, object]


def role(
    job: Job,
    platform: Platform,
    trusted: Statement,
    own_policies: dict[str, list[Statement]],
    *managed_policies: str,
) -> Role:
    """Return the role, under the permissions boundary whatever the row grants it.

    What the boundary has no room for, a policy that only denies takes away. What neither can tell
    apart stands here: the job's own log group, and what its machines have to run, from its
    neighbours', and whether it may submit.

    Parameters
    ----------
    trusted
        Who may assume it: the statement's ``Principal``, and its ``Condition`` where the service
        supports one.
    own_policies
        Statements that the service needs in the job's name, by the policy's name.
    managed_policies
        ARNs of the bootstrap's policies with what all jobs of the type need.
    """
    policies = {**own_policies, "limits": _limits(job, platform)}
    place = f"{platform.region}:{platform.account_id}"
    if statements := all_statements(job.permissions, platform.partition, place):
        policies["permissions"] = statements
    if job.submits:
        policies["submissions"] = _submit(platform)
    return Role(
        "Role",
        Path=f"/{platform.prefix}/",
        Description=f"The code of the job {job.job_name}",
        PermissionsBoundary=in_account(platform.permissions_boundary_arn, platform),
        ManagedPolicyArns=[
            in_account(arn, platform) for arn in (platform.job_limits_policy_arn, *managed_policies)
        ],
        AssumeRolePolicyDocument=_document(
            [{"Effect": "Allow", "Action": "sts:AssumeRole", **trusted}]
        ),
        Policies=[
            Policy(PolicyName=name, PolicyDocument=_document(statements))
            for name, statements in policies.items()
        ],
    )


def write_logs(job: Job, platform: Platform) -> list[Statement]:
    """Return the right to write to the job's own log group."""
    return [{"Effect": "Allow", "Action": _WRITES, "Resource": _log_streams(job, platform)}]


def _limits(job: Job, platform: Platform) -> list[Statement]:
    logs: Statement = {
        "Effect": "Deny",
        "Action": _WRITES,
        "NotResource": _log_streams(job, platform),
    }
    bucket = f"arn:{platform.partition}:s3:::{platform.artifacts_bucket}"
    handed: Statement = {
        "Effect": "Deny",
        "Action": "s3:GetObject",
        "Resource": in_account(f"{bucket}/machines/*", platform),
        "Condition": {"StringNotEquals": {"s3:ExistingObjectTag/job": job.job_name}},
    }
    if job.submits:
        return [logs, handed]
    topic = in_account(platform.submission_topic_arn, platform)
    return [logs, handed, {"Effect": "Deny", "Action": "sns:*", "Resource": topic}]


_WRITES = ["logs:CreateLogStream", "logs:PutLogEvents"]


def _log_streams(job: Job, platform: Platform) -> Sub:
    return in_account(platform.arn("logs", f"log-group:{group_name(job, platform)}:*"), platform)


def _submit(platform: Platform) -> list[Statement]:
    """Return the right to publish to the submission topic, and to have SNS use its key.

    IAM sees no message attributes: it cannot tell for which job a message is.
    """
    return [
        {
            "Effect": "Allow",
            "Action": "sns:Publish",
            "Resource": in_account(platform.submission_topic_arn, platform),
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {
                "StringEquals": {"kms:ViaService": f"sns.{platform.region}.amazonaws.com"},
                "ArnEquals": {
                    "kms:EncryptionContext:aws:sns:topicArn": in_account(
                        platform.submission_topic_arn, platform
                    )
                },
            },
        },
    ]


def submission_variables(job: RowModel, platform: Platform) -> dict[str, str | Sub]:
    """Return the environment of a job that may submit: where to."""
    if not job.submits:
        return {}
    return {"SUBMISSION_TOPIC_ARN": in_account(platform.submission_topic_arn, platform)}


def _document(statements: list[Statement]) -> Statement:
    return {"Version": "2012-10-17", "Statement": statements}
