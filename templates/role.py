"""The one role of a job: what its code may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere.iam import Policy, Role

from templates.arns import in_account

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform

Statement = dict[str, object]


def role(
    job: Job, platform: Platform, trusted: Statement, own_policies: dict[str, list[Statement]]
) -> Role:
    """Return the role, under the permissions boundary whatever the row grants it.

    Parameters
    ----------
    trusted
        Who may assume it: the statement's ``Principal``, and its ``Condition`` where the service
        supports one.
    own_policies
        Statements that the service needs in the job's name, by the policy's name.
    """
    policies = dict(own_policies)
    if job.permissions:
        policies["permissions"] = list(job.permissions)
    return Role(
        "Role",
        Path=f"/{platform.prefix}/",
        Description=f"The code of the job {job.job_name}",
        PermissionsBoundary=in_account(platform.permissions_boundary_arn, platform),
        AssumeRolePolicyDocument=_document(
            [{"Effect": "Allow", "Action": "sts:AssumeRole", **trusted}]
        ),
        Policies=[
            Policy(PolicyName=name, PolicyDocument=_document(statements))
            for name, statements in policies.items()
        ],
    )


def write_logs(platform: Platform, group_name: str) -> list[Statement]:
    """Return the right to write to one log group."""
    return [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": in_account(platform.arn("logs", f"log-group:{group_name}:*"), platform),
        }
    ]


def _document(statements: list[Statement]) -> Statement:
    return {"Version": "2012-10-17", "Statement": statements}
