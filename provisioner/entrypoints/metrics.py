"""What the functions count: metrics of the namespace `Provisioner`."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

import aws_lambda_powertools
from aws_lambda_powertools.metrics import MetricUnit

from provisioner.stacks.model import Deletion, JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from provisioner.stacks.model import StackRecord
    from provisioner.stacks.ports import RateLimiter, Stacks
    from provisioner.stacks.rate_limits import Permit, Quota


class Count(StrEnum):
    """A metric's name; each counts how often that happened."""

    RECONCILE_ERRORS = "ReconcileErrors"
    CREATES = "Creates"
    UPDATES = "Updates"
    DELETES = "Deletes"
    CONTINUED_ROLLBACKS = "ContinuedRollbacks"
    THROTTLED_CALLS = "ThrottledCalls"
    CREATIONS_SUSPENDED = "CreationsSuspended"
    RECONCILES_RATE_LIMITED = "ReconcilesRateLimited"
    JOBS_FAILED = "JobsFailed"
    JOBS_INVALID = "JobsInvalid"
    DEAD_LETTERS = "DeadLetters"
    SCHEDULES_MISSED = "SchedulesMissed"
    MESSAGES_UNROUTED = "MessagesUnrouted"
    JOBS_STUCK = "JobsStuck"
    JOBS_QUEUED_BY_DAILY_CHECK = "JobsQueuedByDailyCheck"
    DELETIONS_WITHHELD = "DeletionsWithheld"
    VERSIONS_LOST = "VersionsLost"
    UPGRADES_PAUSED = "UpgradesPaused"


class Metrics:
    """What one invocation counts, published when it ends."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._counts: Counter[Count] = Counter()

    def count(self, what: Count, times: int = 1) -> None:
        """Count more of something in this invocation."""
        if times:
            self._counts[what] += times

    def publish(self) -> None:
        """Publish what was counted.

        Each metric goes out by function and bootstrap, and by bootstrap alone, which is what alarms
        watch. What did not happen is not published: CloudWatch charges for each metric that exists.
        """
        if not self._counts:
            return
        metrics = aws_lambda_powertools.Metrics(namespace="Provisioner")
        for what, value in self._counts.items():
            metrics.add_metric(what, MetricUnit.Count, value)
        self._counts.clear()
        metrics.add_dimension("prefix", self._prefix)
        metrics.add_dimensions(prefix=self._prefix)
        metrics.flush_metrics()


class CountedRateLimiter:
    """The rate limiter; counts throttled calls and suspensions."""

    def __init__(self, rate_limiter: RateLimiter, metrics: Metrics) -> None:
        self._rate_limiter = rate_limiter
        self._metrics = metrics

    def reserve(self, quota: Quota, *, has_reservation: bool) -> Permit:
        """Let a caller continue, or reserve a time for it."""
        return self._rate_limiter.reserve(quota, has_reservation=has_reservation)

    def acquire(self, quota: Quota) -> Permit:
        """Use up the right to one call."""
        return self._rate_limiter.acquire(quota)

    def back_off(self, quota: Quota) -> None:
        """Grant nothing for a moment: a call was throttled."""
        self._metrics.count(Count.THROTTLED_CALLS)
        self._rate_limiter.back_off(quota)

    def suspend(self, quota: Quota, reason: str) -> datetime:
        """Grant nothing for a while: the account has no room for more stacks."""
        self._metrics.count(Count.CREATIONS_SUSPENDED)
        return self._rate_limiter.suspend(quota, reason)


class CountedStacks:
    """The Stacks table; counts the jobs that come to need a person.

    It remembers what an invocation has read, which also tells log lines the spec of their job.
    """

    def __init__(self, stacks: Stacks, metrics: Metrics) -> None:
        self._stacks = stacks
        self._metrics = metrics
        self._before: dict[str, StackRecord] = {}

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, StackRecord]:
        """Read records consistently; a job without one is left out."""
        found = self._stacks.get_many(job_names)
        self._before.update(found)
        return found

    def save(self, record: StackRecord) -> None:
        """Write the successor of `record.version`."""
        self._stacks.save(record)
        before = self._before.get(record.job_name)
        if before and (before.status, before.spec_digest) == (record.status, record.spec_digest):
            return
        match record.status:
            case JobStatus.PENDING if record.deletion is Deletion.HELD:
                self._metrics.count(Count.DELETIONS_WITHHELD)
            case JobStatus.FAILED:
                self._metrics.count(Count.JOBS_FAILED)
            case JobStatus.INVALID:
                self._metrics.count(Count.JOBS_INVALID)
            case _:
                pass

    def known_digest(self, job_name: str) -> str | None:
        """Return the spec of a job as this invocation has read it."""
        record = self._before.get(job_name)
        return record.spec_digest if record else None

    def forget(self) -> None:
        """Forget what was read: the invocation is over."""
        self._before.clear()
