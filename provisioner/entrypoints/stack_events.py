"""EventBridge, CloudFormation Stack Status Change: a stack settled; reconcile its job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.function import function
from provisioner.entrypoints.reconciling import reconcile_or_queue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> None:
    """Reconcile the job whose stack an event names; the status it tells is only a hint.

    Raises
    ------
    Exception
        What kept the job from being queued after a failed reconcile: Lambda tries again, and
        sends the event to the dead-letter queue in the end.
    """
    job_name = events.of_stack_event(event, runtime.settings.platform.prefix)
    if job_name is None:
        return
    for error in reconcile_or_queue(runtime, [job_name], context).values():
        raise error
