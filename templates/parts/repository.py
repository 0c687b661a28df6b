"""The repository of a job whose image is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt
from troposphere.ecr import ImageScanningConfiguration, Repository

from provisioner.jobs import stack_name
from provisioner.jobs.functions import IMAGE_SUFFIX
from provisioner.jobs.unbuilt import kind_of_build, repository_name
from templates.parts.arns import in_account
from templates.parts.part import Part

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform


def repository(job: Job, platform: Platform) -> Part:
    """Return the repository, empty for a job whose code is not a built image.

    It has no lifecycle policy, which would expire what the job runs (`stacks.built_images`).
    """
    if job.build is None or kind_of_build(job) != "image":
        return Part()
    made = Repository(
        "Repository",
        RepositoryName=repository_name(platform.prefix, job.job_name),
        ImageTagMutability="IMMUTABLE",  # no build can replace what another one has made
        ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=True),
        EmptyOnDelete=True,
    )
    if job.type == "lambda":
        made.RepositoryPolicyText = _lambda_may_pull(job, platform)
    return Part([made], {"EcrRepositoryUri": GetAtt(made, "RepositoryUri")})


def _lambda_may_pull(job: Job, platform: Platform) -> dict[str, object]:
    name = stack_name(platform.prefix, job.job_name) + IMAGE_SUFFIX
    statement = {
        "Sid": "LambdaPulls",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {
            "ArnLike": {
                "aws:SourceArn": in_account(platform.arn("lambda", f"function:{name}"), platform)
            }
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
