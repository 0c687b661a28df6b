"""What the functions that reconcile share: the reconciler, made once, and its log.

Importing this is most of a cold start, so the garbage collector stays out of it, and what was
imported is never looked at again.
"""

from __future__ import annotations

import gc

gc.disable()

import os  # noqa: E402
from functools import cache  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from aws_lambda_powertools import Logger  # noqa: E402

from provisioner.aws import artifacts  # noqa: E402
from provisioner.aws.cloudformation import CloudFormation  # noqa: E402
from provisioner.aws.jobs_table import JobsTable  # noqa: E402
from provisioner.aws.pace import PaceTable  # noqa: E402
from provisioner.aws.queue import ReconcileQueue  # noqa: E402
from provisioner.aws.stacks_table import StacksTable  # noqa: E402
from provisioner.errors import TemporaryError  # noqa: E402
from provisioner.ports import Ports  # noqa: E402
from provisioner.reconcile import Reconciled, Reconciler  # noqa: E402
from provisioner.settings import Settings  # noqa: E402

gc.freeze()
gc.enable()

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()

RETRY_DELAY_SECONDS = 10
"""Before a job is looked at again whose look failed."""

TIME_TO_QUEUE_MILLISECONDS = 15_000
"""Kept of the function's time to queue up to a hundred jobs that it does not suffice for."""


@cache
def settings() -> Settings:
    """Return the function's settings."""
    return Settings.from_environ(os.environ)


@cache
def queue() -> ReconcileQueue:
    """Return the reconcile queue."""
    return ReconcileQueue(settings().reconcile_queue_url)


@cache
def reconciler() -> Reconciler:
    """Return the process's one reconciler."""
    own = settings()
    ports = Ports(
        jobs=JobsTable(own.jobs_table),
        stacks=StacksTable(own.stacks_table),
        cloudformation=CloudFormation(
            own.platform.prefix, own.cloudformation_role_arn, own.platform.artifacts_bucket
        ),
        queue=queue(),
        pace=PaceTable(own.pace_table),
        pin=artifacts.pin,
    )
    return Reconciler(ports, own.platform)


def reconcile(job_names: Iterable[str], context: LambdaContext) -> dict[str, Exception]:
    """Reconcile jobs and log what came of each; return the errors by job name.

    Jobs for which the function's time does not suffice are among them.
    """
    names = list(dict.fromkeys(job_names))
    errors: dict[str, Exception] = dict.fromkeys(names, TemporaryError("there was no time left"))
    for job_name, result in reconciler().reconcile(names):
        del errors[job_name]
        match result:
            case Reconciled(action=action, outcome=outcome, record=record):
                logger.info(
                    "reconciled",
                    job_name=job_name,
                    digest=record.spec_digest,
                    action=type(action).__name__ if action else None,
                    outcome=type(outcome).__name__,
                    status=record.status,
                )
            case Exception() as error:
                logger.error("look failed", job_name=job_name, exc_info=error)
                errors[job_name] = error
        if context.get_remaining_time_in_millis() < TIME_TO_QUEUE_MILLISECONDS:
            break
    return errors


def reconcile_or_queue(job_names: Iterable[str], context: LambdaContext) -> dict[str, Exception]:
    """Reconcile jobs; what fails is queued, so that nothing behind it in a stream has to wait.

    Returns
    -------
    dict
        The jobs that could not even be queued: their records must come again.
    """
    lost: dict[str, Exception] = {}
    for job_name in reconcile(job_names, context):
        try:
            queue().send(job_name, delay_seconds=RETRY_DELAY_SECONDS)
        except Exception as error:
            logger.exception("queueing failed", job_name=job_name)
            lost[job_name] = error
    return lost
