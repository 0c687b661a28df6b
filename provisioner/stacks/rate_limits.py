"""The rates that CloudFormation limits, and reservations for jobs that have to wait. Pure.

CloudFormation accepts two creations, two updates and two deletions a second, and throttles the
rest. Nothing waits inside a Lambda: a job that cannot continue now makes a reservation, which says
when it is reconciled again. A reservation is only a time: messages arrive late and in clumps, so
each call also acquires a permit just before it is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Quota(StrEnum):
    """What CloudFormation limits the rate of."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    CONTINUE = "continue"
    DESCRIBE = "describe"
    DETECT_DRIFT = "detect_drift"


PER_SECOND = {
    # CreateStack, UpdateStack, DeleteStack, ContinueUpdateRollback: two each, not adjustable.
    Quota.CREATE: 2.0,
    Quota.UPDATE: 2.0,
    Quota.DELETE: 2.0,
    Quota.CONTINUE: 2.0,
    # DescribeStacks: ten, of which reconciles that operate need some themselves.
    Quota.DESCRIBE: 6.0,
    # Each detection describes every resource of a stack at its own service.
    Quota.DETECT_DRIFT: 0.5,
}

LONGEST_WAIT = timedelta(minutes=15)
"""DelaySeconds of SQS: no message can be delayed for longer."""

SUSPENDED_FOR = timedelta(minutes=5)
"""Between two attempts to create a stack in an account that has no room for one more."""

# Clocks of Lambda's hosts differ by far less.
_EARLIEST = timedelta(seconds=0.5)
_LATEST = timedelta(seconds=60)
_FURTHEST = LONGEST_WAIT + _LATEST
# Reservations are a little further apart than calls: messages arrive in clumps, and a job that gets
# no permit at once gets one soon.
_SLACK = 1.03
# Of the calls of a second that could go at once: clocks differ, and requests overtake each other.
_BURST = 0.9


@dataclass(frozen=True, slots=True)
class Reservation:
    """When a job that has to wait is reconciled again.

    `kept` tells whether it then goes before all newcomers, unless it comes much too late. Otherwise
    it has to reserve again.
    """

    quota: Quota
    at: datetime
    kept: bool = True

    def is_ahead(self, now: datetime) -> bool:
        """Tell whether its time is still to come; a clock that is a little slow does not matter."""
        return self.at - _EARLIEST > now and is_plausible(self.at, now)

    def is_valid(self, now: datetime) -> bool:
        """Tell whether it is kept, and its time has come, and not long ago."""
        return self.kept and self.at - _EARLIEST <= now <= self.at + _LATEST


@dataclass(frozen=True, slots=True)
class Suspension:
    """No call is made before `until`; `reason` is shown on the Stacks rows of jobs that wait."""

    until: datetime
    reason: str


def is_plausible(at: datetime, now: datetime) -> bool:
    """Tell whether a wait may end then: a time further ahead was written by a wrong clock."""
    return at - now <= _FURTHEST


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How busy a quota is: when its next call may be made, and its next reservation."""

    free_at: datetime = _LONG_AGO
    next_reservation_at: datetime = _LONG_AGO
    suspension: Suspension | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """The answer of a rate limiter: continue now, or come back `at` that time.

    `kept` tells whether that time is reserved for the caller. Otherwise it has to reserve again
    then; `reason` says why, while the rate limiter is suspended.
    """

    at: datetime
    granted: bool = False
    kept: bool = False
    reason: str | None = None


def reserve(
    limit: RateLimit, quota: Quota, now: datetime, *, has_reservation: bool
) -> tuple[RateLimit, Permit]:
    """Let a caller continue, or reserve a time for it.

    Newcomers come after all who have a reservation; a caller whose own is due says so by
    `has_reservation`. Nothing is used up yet: what lies between here and the call may take time.

    Returns
    -------
    tuple
        The rate limit as it is now, and the caller's permit.
    """
    limit = _plausible(limit, now)
    if limit.suspension and limit.suspension.until > now:
        return limit, Permit(limit.suspension.until, reason=limit.suspension.reason)
    free_at = _free_at(limit, quota, now)
    if free_at <= now and (has_reservation or limit.next_reservation_at <= now):
        return limit, Permit(now, granted=True)
    if has_reservation:
        return limit, Permit(free_at, kept=True)
    at = max(limit.next_reservation_at, free_at)
    if at - now > LONGEST_WAIT:
        return limit, Permit(now + LONGEST_WAIT)
    following = at + _interval(quota) * _SLACK
    return replace(limit, next_reservation_at=following), Permit(at, kept=True)


def acquire(limit: RateLimit, quota: Quota, now: datetime) -> tuple[RateLimit, Permit]:
    """Use up the right to one call, if there is one, just before that call is made."""
    limit = _plausible(limit, now)
    if limit.suspension and limit.suspension.until > now:
        return limit, Permit(limit.suspension.until, reason=limit.suspension.reason)
    free_at = _free_at(limit, quota, now)
    if free_at > now:
        return limit, Permit(free_at, kept=True)
    return replace(limit, free_at=free_at + _interval(quota)), Permit(now, granted=True)


def back_off(limit: RateLimit, now: datetime) -> RateLimit:
    """Grant nothing for a second: a call was throttled, because others use the quota too."""
    limit = _plausible(limit, now)
    return replace(limit, free_at=max(limit.free_at, now) + timedelta(seconds=1))


def suspend(limit: RateLimit, suspension: Suspension) -> RateLimit:
    """Grant nothing until the suspension ends."""
    return replace(limit, suspension=suspension)


def _plausible(limit: RateLimit, now: datetime) -> RateLimit:
    """Return the rate limit without times for which no caller can have to wait."""
    if limit.suspension and not is_plausible(limit.suspension.until, now):
        limit = replace(limit, suspension=None)
    if not is_plausible(limit.free_at, now):
        limit = replace(limit, free_at=_LONG_AGO)
    if not is_plausible(limit.next_reservation_at, now):
        limit = replace(limit, next_reservation_at=_LONG_AGO)
    return limit


def _free_at(limit: RateLimit, quota: Quota, now: datetime) -> datetime:
    burst = max(timedelta(seconds=1) - _interval(quota), timedelta(0)) * _BURST
    return max(limit.free_at, now - burst)


def _interval(quota: Quota) -> timedelta:
    return timedelta(seconds=1 / PER_SECOND[quota])
