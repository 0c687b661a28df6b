"""What the functions count: metrics of the namespace `Provisioner`."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


class Count(StrEnum):
    """A metric's name; each counts how often that happened."""

    LOOKS_FAILED = "LooksFailed"
    CREATES = "Creates"
    UPDATES = "Updates"
    DELETES = "Deletes"
    CONTINUED_ROLLBACKS = "ContinuedRollbacks"
    THROTTLED_CALLS = "ThrottledCalls"
    OPERATIONS_POSTPONED = "OperationsPostponed"
    JOBS_FAILED = "JobsFailed"
    JOBS_INVALID = "JobsInvalid"
    DEAD_LETTERS = "DeadLetters"


_counts: Counter[Count] = Counter()


@cache
def _metrics() -> Metrics:
    return Metrics(namespace="Provisioner")


def count(what: Count) -> None:
    """Count one more of something in this invocation."""
    _counts[what] += 1


def measured(prefix: Callable[[], str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Publish what an invocation counted when it ends, however it ends.

    Each metric goes out by function and bootstrap, and by bootstrap alone, which is what alarms
    watch. What did not happen is not published: CloudWatch charges for each metric that exists.
    """

    def decorate(handler: Callable[P, R]) -> Callable[P, R]:
        @wraps(handler)
        def handle(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return handler(*args, **kwargs)
            finally:
                _publish(prefix)

        return handle

    return decorate


def _publish(prefix: Callable[[], str]) -> None:
    if not _counts:
        return
    metrics = _metrics()
    for what, value in _counts.items():
        metrics.add_metric(what, MetricUnit.Count, value)
    _counts.clear()
    metrics.add_dimension("prefix", prefix())
    metrics.add_dimensions(prefix=prefix())
    metrics.flush_metrics()
