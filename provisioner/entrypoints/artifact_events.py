"""EventBridge: a bundle or a source was put into S3, an image was pushed to ECR, a build ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.function import function, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime


@function
def handler(event: dict[str, Any], _context: LambdaContext, runtime: Runtime) -> None:
    """Queue the jobs that track the artifact that an event is about.

    A reconcile of each looks up which version there is now, so events may come twice, late and in
    any order. There is one query if no job tracks it. Ten jobs are one call of SQS: 10,000 take
    some 15 seconds, and it is their reconciles that CloudFormation's rate limits spread.

    Raises
    ------
    ProvisionerError
        If reading or queueing failed: Lambda tries again from the beginning, which does no harm,
        and sends the event to the dead-letter queue in the end.
    """
    if job_name := events.of_build_event(event):
        runtime.reconcile_queue.send_many({job_name: 0})
        logger.info("a build has ended", job_name=job_name)
        return
    artifact = events.of_artifact_event(event)
    if artifact is None:
        return
    job_names = list(runtime.artifact_index.jobs_of(artifact))
    runtime.reconcile_queue.send_many(dict.fromkeys(job_names, 0), check_code=True)
    logger.info("an artifact was pushed", artifact=artifact, jobs=len(job_names))
