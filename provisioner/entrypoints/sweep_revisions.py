"""Once a day: the revisions of task definitions that no run needs are deregistered."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from provisioner.entrypoints.function import logger
from provisioner.entrypoints.metrics import Count
from provisioner.errors import DeniedError, PermanentError, ProvisionerError
from provisioner.runs.model import RunStatus
from provisioner.stacks.task_definitions import Revision, not_needed, revision_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.stacks.model import StackRecord

MOST_A_DAY = 300
"""DeregisterTaskDefinition is throttled at about one a second; what is left over costs nothing."""


def active(runtime: Runtime) -> list[Revision]:
    """Return the revisions of jobs that start tasks, none when they cannot be listed."""
    prefix = runtime.settings.platform.prefix
    try:
        found = [revision_of(arn, prefix) for arn in runtime.task_definitions.active()]
    except ProvisionerError:
        logger.exception("listing task definitions failed")
        runtime.metrics.count(Count.RECONCILE_ERRORS)
        return []
    return [revision for revision in found if revision is not None]


def deregister(
    runtime: Runtime,
    revisions: list[Revision],
    records: Mapping[str, StackRecord],
    now: datetime,
) -> None:
    """Deregister those of `active`, read before `records`, that no run needs."""
    if not revisions:
        return
    prefix = runtime.settings.platform.prefix
    done = 0
    try:
        running = list(runtime.triggers.open(RunStatus.RUNNING, until=now))
        for revision in islice(not_needed(revisions, records, running, now, prefix), MOST_A_DAY):
            done += _deregister(runtime, revision)
    except Exception:  # throttled or denied, say: the rest is for tomorrow
        logger.exception("deregistering task definitions failed")
        runtime.metrics.count(Count.RECONCILE_ERRORS)
    logger.info("deregistered task definitions", count=done)


def _deregister(runtime: Runtime, revision: Revision) -> bool:
    """Deregister one; False when that fails for good. The others go all the same."""
    try:
        runtime.task_definitions.deregister(revision.arn)
    except DeniedError:
        raise
    except PermanentError:
        logger.exception("deregistering a task definition failed", arn=revision.arn)
        runtime.metrics.count(Count.RECONCILE_ERRORS)
        return False
    return True
