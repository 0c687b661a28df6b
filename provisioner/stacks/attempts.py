"""What was tried for one digest, and whether it may be tried again. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from provisioner.stacks.failure_causes import is_recoverable
from provisioner.stacks.model import Failure, JobStatus, StackRecord
from provisioner.stacks.rate_limits import is_plausible

MAX_ATTEMPTS = 5
"""Failed operations of one digest before its job is FAILED."""

_FIRST_BACKOFF = timedelta(seconds=30)
# One queued message can carry any of them: SQS delays at most 15 minutes.
_LONGEST_BACKOFF = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class TryNow:
    """Nothing stands against an operation with this digest."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The digest failed for a cause that passes by itself: try it again at `until`."""

    until: datetime
    failure: Failure


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The digest is not tried again before its row changes or a person asks for it."""

    failure: Failure


Verdict: TypeAlias = TryNow | TryLater | Exhausted


@dataclass(frozen=True, slots=True)
class Attempts:
    """What was tried for one digest: what keeps a failing row from being tried forever.

    A Stacks row holds it in attributes of its own: `digest` is `spec_digest`, and `count` is
    `attempts`, the failed operations. `recoveries` are the deletions and continued rollbacks since
    the stack was last READY. `failure` is the last that is known of this digest, and
    `next_attempt_at` is set while the job is RETRYING; `given_up` tells whether it is FAILED.
    """

    digest: str | None = None
    count: int = 0
    recoveries: int = 0
    failure: Failure | None = None
    next_attempt_at: datetime | None = None
    given_up: bool = False

    @classmethod
    def of(cls, record: StackRecord, digest: str) -> Attempts:
        """Return what a Stacks row remembers of a digest; nothing if it is about another one.

        A row that was changed and changed back is asked for again, so it is tried again.
        """
        if record.spec_digest != digest:
            return cls(digest)
        # INVALID, PAUSED or in progress, the job has gone on since: the failure is only shown.
        is_retrying = record.status is JobStatus.RETRYING
        is_failed = record.status is JobStatus.FAILED
        # A failure without this digest (a missing permission to read, say) is not one of the spec.
        is_of_digest = record.failure is not None and record.failure.digest == digest
        return cls(
            digest,
            count=record.attempts,
            recoveries=record.recoveries,
            failure=record.failure if is_of_digest and (is_retrying or is_failed) else None,
            next_attempt_at=record.next_attempt_at if is_retrying else None,
            given_up=is_failed and is_of_digest,
        )

    def verdict(self, seen: Failure | None, now: datetime) -> Verdict:
        """Tell whether the digest may be tried; `seen` is its failure that the stack shows.

        A call that was refused leaves no event on the stack, and the stack may have failed since
        the row was written: so the last of both failures counts.
        """
        both = filter(None, (seen, self.failure))
        failure = max(both, key=lambda each: each.at, default=None)
        if failure is None:
            return TryNow()
        # First, because waiting cannot repair a parameter that is wrong.
        if not is_recoverable(failure.reason):
            return Exhausted(failure)
        # Before attempts are counted: this one was counted when its time was set.
        if self.next_attempt_at is not None:
            is_due = self.next_attempt_at <= now or not is_plausible(self.next_attempt_at, now)
            return TryNow() if is_due else TryLater(self.next_attempt_at, failure)
        # A job that is FAILED stays so: or each reconcile would begin another series.
        if self.given_up or self.count + 1 >= MAX_ATTEMPTS:
            return Exhausted(failure)
        return TryLater(now + backoff(failure, self.count), failure)

    def on(self, record: StackRecord) -> StackRecord:
        """Return a Stacks row that remembers this, and nothing else that was tried."""
        return replace(
            record,
            spec_digest=self.digest,
            attempts=self.count,
            recoveries=self.recoveries,
            failure=self.failure,
            next_attempt_at=self.next_attempt_at,
        )


def backoff(failure: Failure, attempts: int) -> timedelta:
    """Return the delay before the next attempt: exponential with full jitter, at least a second.

    The jitter comes from the failed digest, so the same history always gives the same delay.
    """
    ceiling: timedelta = min(_FIRST_BACKOFF * 2**attempts, _LONGEST_BACKOFF)
    seed = hashlib.sha256(f"{failure.digest}/{attempts}".encode()).digest()
    share = int.from_bytes(seed[:4]) / 0x1_0000_0000
    return max(ceiling * share, timedelta(seconds=1))
