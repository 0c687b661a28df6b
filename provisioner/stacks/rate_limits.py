"""CloudFormation's rates, and the line in which jobs wait for them. Pure.

CloudFormation takes two creations, two updates and two deletions a second and throttles what is
above. Nobody waits inside a Lambda: who cannot go now gets a place in the line, which says when to
come back. A place only tells the time: messages come late and in clumps, so each call still has to
pass the gate, which lets through what CloudFormation takes.
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
    # DescribeStacks: ten, of which the looks that operate need some themselves.
    Quota.DESCRIBE: 6.0,
    # Each detection describes every resource of a stack at its own service.
    Quota.DETECT_DRIFT: 0.5,
}

LONGEST_WAIT = timedelta(minutes=15)
"""DelaySeconds of SQS: no message can wake anyone later."""

HELD_FOR = timedelta(minutes=5)
"""Between two tries whether the account has room for one more stack."""

# Clocks of Lambda's hosts differ by far less.
_EARLIEST = timedelta(seconds=0.5)
_LATEST = timedelta(seconds=60)
_FURTHEST = LONGEST_WAIT + _LATEST
# Places are given a little more slowly than calls are free: so who found the gate closed, for
# messages come in clumps, finds it open soon.
_SLACK = 1.03
# Of the calls of a second that could go at once: clocks differ, and requests overtake each other.
_BURST = 0.9


@dataclass(frozen=True, slots=True)
class Admission:
    """When a job that stands in line is looked at again.

    `kept` tells whether it holds a place then, which is void when it comes much too late, or has to
    ask for one anew.
    """

    quota: Quota
    at: datetime
    kept: bool = True

    def is_ahead(self, now: datetime) -> bool:
        """Tell whether its time is still to come; a clock that is a little slow does not matter."""
        return self.at - _EARLIEST > now and is_believable(self.at, now)

    def is_valid(self, now: datetime) -> bool:
        """Tell whether it is a place whose time has come, and not long ago."""
        return self.kept and self.at - _EARLIEST <= now <= self.at + _LATEST


@dataclass(frozen=True, slots=True)
class Hold:
    """Nobody may go before `until`, for a reason that people are told."""

    until: datetime
    reason: str


def is_believable(at: datetime, now: datetime) -> bool:
    """Tell whether a wait may end then: what is further ahead was written by a clock gone wrong."""
    return at - now <= _FURTHEST


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """How busy a quota is: when its next call is free, and its next place."""

    free_at: datetime = _LONG_AGO
    next_place_at: datetime = _LONG_AGO
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The answer of a line: go at once, or come back `at` that time.

    `kept` tells whether the place is the caller's then. Otherwise there was none to give, and the
    caller asks anew; `reason` says why, if nobody may go.
    """

    at: datetime
    go: bool = False
    kept: bool = False
    reason: str | None = None


def enter(line: Line, quota: Quota, now: datetime, *, admitted: bool) -> tuple[Line, Place]:
    """Tell a caller to go on, or give it a place.

    Newcomers stand behind all who hold a place; who holds one whose time has come is `admitted`.
    Nothing is taken yet: what lies between here and the call may take its time.

    Returns
    -------
    tuple
        The line as it is now, and the caller's place.
    """
    line = _believed(line, now)
    if line.hold and line.hold.until > now:
        return line, Place(line.hold.until, reason=line.hold.reason)
    free_at = _free_at(line, quota, now)
    if free_at <= now and (admitted or line.next_place_at <= now):
        return line, Place(now, go=True)
    if admitted:
        return line, Place(free_at, kept=True)
    at = max(line.next_place_at, free_at)
    if at - now > LONGEST_WAIT:
        return line, Place(now + LONGEST_WAIT)
    return replace(line, next_place_at=at + _interval(quota) * _SLACK), Place(at, kept=True)


def take(line: Line, quota: Quota, now: datetime) -> tuple[Line, Place]:
    """Take the right to one call, if the gate is free, just before that call is made."""
    line = _believed(line, now)
    if line.hold and line.hold.until > now:
        return line, Place(line.hold.until, reason=line.hold.reason)
    free_at = _free_at(line, quota, now)
    if free_at > now:
        return line, Place(free_at, kept=True)
    return replace(line, free_at=free_at + _interval(quota)), Place(now, go=True)


def back_off(line: Line, now: datetime) -> Line:
    """Close the gate for a second: CloudFormation throttled a call, so others use the quota too."""
    line = _believed(line, now)
    return replace(line, free_at=max(line.free_at, now) + timedelta(seconds=1))


def held(line: Line, hold: Hold) -> Line:
    """Let nobody through for a while."""
    return replace(line, hold=hold)


def _believed(line: Line, now: datetime) -> Line:
    """Return the line without what nobody can have to wait for."""
    if line.hold and not is_believable(line.hold.until, now):
        line = replace(line, hold=None)
    if not is_believable(line.free_at, now):
        line = replace(line, free_at=_LONG_AGO)
    if not is_believable(line.next_place_at, now):
        line = replace(line, next_place_at=_LONG_AGO)
    return line


def _free_at(line: Line, quota: Quota, now: datetime) -> datetime:
    burst = max(timedelta(seconds=1) - _interval(quota), timedelta(0)) * _BURST
    return max(line.free_at, now - burst)


def _interval(quota: Quota) -> timedelta:
    return timedelta(seconds=1 / PER_SECOND[quota])
