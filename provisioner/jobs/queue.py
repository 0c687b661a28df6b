"""`queue`: runs that messages start."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.jobs.errors import InvalidValueError, invalid, shown
from provisioner.jobs.values import Check, flag, keyed, whole

MAX_BATCH_SIZE = 10
"""SQS, messages of one ReceiveMessage."""

MIN_CONCURRENCY, MAX_CONCURRENCY = 2, 1000
"""Lambda, ScalingConfig of an event source mapping."""

MAX_RECEIVES = 100


@dataclass(frozen=True, slots=True)
class Queue:
    """How a job takes the messages of its queue.

    Attributes
    ----------
    batch_size
        Messages that one run gets at most.
    max_concurrency
        Runs of the queue that are there at once.
    max_receives
        How often a message that starts no run is received before it is a dead-letter message.
    """

    batch_size: int = 1
    max_concurrency: int = 10
    max_receives: int = 5


def queue_options(value: object) -> Queue | None:
    """Check what a row says of its queue: `true`, or a map of what is not to be as usual."""
    if not isinstance(value, dict):
        return Queue() if _is_wanted(value) else None
    return Queue(**keyed(value, _CHECKS, "a queue"))  # type: ignore[arg-type]  # checked one by one


def _is_wanted(value: object) -> bool:
    try:
        return flag(value)
    except InvalidValueError as error:
        keys = ", ".join(_CHECKS)
        raise invalid(f"must be true, false or a map with {keys}, not {shown(value)}") from error


_CHECKS: dict[str, Check[object]] = {
    "batch_size": whole(1, MAX_BATCH_SIZE),
    "max_concurrency": whole(MIN_CONCURRENCY, MAX_CONCURRENCY),
    "max_receives": whole(1, MAX_RECEIVES),
}
