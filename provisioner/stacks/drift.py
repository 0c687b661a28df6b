"""Have CloudFormation detect what was changed by hand on a job's resources."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError
from provisioner.stacks.model import JobStatus
from provisioner.stacks.rate_limits import LONGEST_WAIT, Quota

if TYPE_CHECKING:
    import random

    from provisioner.stacks.ports import Ports

FOUND_AFTER_SECONDS = 600
"""Detection takes minutes, depending on the resources; a reconcile then shows what it found."""

_LONGEST_SECONDS = int(LONGEST_WAIT.total_seconds())


def detect_drift(ports: Ports, job_name: str, chance: random.Random) -> bool:
    """Start drift detection on a job's stack, or queue it for later when too many ask for it.

    Returns
    -------
    bool
        Whether it was started. A job that is not READY is left alone.
    """
    record = ports.stacks.get_many([job_name]).get(job_name)
    if record is None or record.status is not JobStatus.READY or record.stack_id is None:
        return False
    if not ports.rate_limiter.acquire(Quota.DETECT_DRIFT).granted:
        ports.queue.send(job_name, delay_seconds=later(chance), detect_drift=True)
        return False
    with suppress(ConflictError):  # a detection is running already
        ports.cloudformation.detect_drift(record.stack_id)
    ports.queue.send(job_name, delay_seconds=FOUND_AFTER_SECONDS)
    return True


def later(chance: random.Random) -> int:
    """Return a delay in seconds that spreads many detections over what a message can wait."""
    return chance.randint(_LONGEST_SECONDS // 3, _LONGEST_SECONDS)
