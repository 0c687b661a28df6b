"""EventBridge, CloudFormation Stack Status Change: a stack came to rest; look at its job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import jobs
from provisioner.entrypoints.reconciling import logger, reconcile_or_queue, settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Reconcile the job whose stack an event names; the status it tells is only a hint.

    Raises
    ------
    Exception
        What kept the job from being queued after a failed look: EventBridge delivers again.
    """
    stack_name = event["detail"]["stack-id"].split("/")[1]
    job_name = jobs.job_name_of(settings().platform.prefix, stack_name)
    if job_name is None:
        return
    for error in reconcile_or_queue([job_name], context).values():
        raise error
