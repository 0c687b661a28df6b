"""What the stacks of all jobs that run a container image have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from templates.parts.arns import in_account
from templates.parts.role import submission_variables
from templates.workflow import fan_out
from templates.workflow.expressions import address, given, run
from templates.workflow.jsonata import Expression, call, concat

if TYPE_CHECKING:
    from troposphere import Sub

    from provisioner.jobs import ContainerJob
    from provisioner.settings import Platform
    from templates.parts.role import Statement
    from templates.workflow.jsonata import Value

CONTAINER = "job"
"""The name of the container in a task."""


def environment(job: ContainerJob, platform: Platform) -> dict[str, str | Sub]:
    """Return the variables that are the same in every run, sorted."""
    variables = {
        **submission_variables(job, platform),
        **job.environment,
        "JOB_NAME": job.job_name,
    }
    return dict(sorted(variables.items()))


def run_variables(job: ContainerJob, platform: Platform) -> dict[str, Value]:
    """Return the variables that a run sets, expressions by their names."""
    variables: dict[str, Value] = {
        "PAYLOAD": call("string", given(job)),
        "TRIGGER_ID": run("id"),
        **fan_out.variables(job),
    }
    if job.result:
        variables["RESULT_URI"] = address(platform.artifacts_bucket, result_key(job))
    return variables


def result_key(job: ContainerJob) -> Expression:
    """Return the key in the artifacts bucket of what a run, or an item of it, leaves."""
    item: list[Value] = ["/", call("string", run("index"))] if job.fan_out else []
    return concat(f"results/{job.job_name}/", run("key"), *item, ".json")


def leave_result(job: ContainerJob, platform: Platform) -> list[Statement]:
    """Return the right to leave a result where `result_key` says."""
    bucket = f"arn:{platform.partition}:s3:::{platform.artifacts_bucket}"
    return [
        {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": in_account(f"{bucket}/results/{job.job_name}/*", platform),
        }
    ]
