"""What may go wrong with calls and messages, one small thing each, as a failing story prints it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import hypothesis.strategies as st

from provisioner.stacks.rate_limits import Quota, RateLimit, Suspension
from tests.simulation.world.faults import ERRORS, Death, Outage
from tests.simulation.world.world import World


@dataclass(frozen=True)
class FunctionDies:
    """The Lambda dies at a call that is soon to come."""

    calls_before: int
    after: bool

    def happen(self, world: World) -> None:
        world.faults.deaths.append(Death(self.calls_before, self.after))


@dataclass(frozen=True)
class ServiceIsUnwell:
    """Calls of a port fail, as a service's own errors or throttles."""

    port: str
    error: str
    minutes: float
    share: float

    def happen(self, world: World) -> None:
        outage = Outage(self.port, ERRORS[self.error], world.until(self.minutes), self.share)
        world.faults.outages.append(outage)


@dataclass(frozen=True)
class PermissionIsMissing:
    """CloudFormation refuses a call for good, as far as one can know."""

    call: str
    minutes: float

    def happen(self, world: World) -> None:
        outage = Outage(
            f"cloudformation.{self.call}", ERRORS["denied"], world.until(self.minutes), 1
        )
        world.faults.outages.append(outage)


@dataclass(frozen=True)
class CallsAreSlow:
    """Every call takes so long that a function's time runs out."""

    seconds: float
    minutes: float

    def happen(self, world: World) -> None:
        world.faults.slow_seconds = self.seconds
        world.faults.slow_until = world.until(self.minutes)


@dataclass(frozen=True)
class DescribesAreStale:
    """DescribeStacks tells what was some seconds ago."""

    minutes: float

    def happen(self, world: World) -> None:
        world.faults.stale_until = world.until(self.minutes)


@dataclass(frozen=True)
class OthersUseTheQuota:
    """CloudFormation throttles most calls, for others made theirs."""

    minutes: float

    def happen(self, world: World) -> None:
        world.faults.crowded_until = world.until(self.minutes)


@dataclass(frozen=True)
class ManyReservations:
    """Many other jobs have reservations."""

    quota: Quota
    seconds: int

    def happen(self, world: World) -> None:
        at = world.timeline.now + timedelta(seconds=self.seconds)
        world.rate_limiter.limits[self.quota] = RateLimit(next_reservation_at=at)


@dataclass(frozen=True)
class ClockWasWrong:
    """A function whose clock was a day ahead wrote all rate limits, and a job's record."""

    name: str

    def happen(self, world: World) -> None:
        then = world.timeline.now + timedelta(days=1)
        limit = RateLimit(then, then, Suspension(then, "no room"))
        world.rate_limiter.limits.update(dict.fromkeys(Quota, limit))
        record = world.stacks.records.get(self.name)
        if record is not None and record.reservation is not None:
            wrong = replace(record, reservation=replace(record.reservation, at=then))
            world.stacks.records[self.name] = wrong


@dataclass(frozen=True)
class EventsAreLost:
    """The next events of stacks never come."""

    count: int

    def happen(self, world: World) -> None:
        world.events.to_lose += self.count


@dataclass(frozen=True)
class PoisonInTheStream:
    """A record that names no job, in the lane of a job."""

    near: str

    def happen(self, world: World) -> None:
        world.stream.put_poison(self.near)


@dataclass(frozen=True)
class NonsenseInTheQueue:
    """A message that no one of ours has sent."""

    body: str

    def happen(self, world: World) -> None:
        world.queue.put(self.body)


@dataclass(frozen=True)
class AccountIsFull:
    """No stack can be added, or one or two."""

    room: int

    def happen(self, world: World) -> None:
        world.cloudformation.limit = len(world.cloudformation.stacks) + self.room


MINUTES = st.sampled_from((0.2, 2, 10))


def faults(names: st.SearchStrategy[str]) -> st.SearchStrategy:
    """Return what may go wrong with calls and messages."""
    ports = st.sampled_from(
        (
            *("jobs.get_many", "stacks.get_many", "stacks.save", "stacks.by_status"),
            *(
                "queue.send",
                "rate_limiter.",
                "pin",
                "cloudformation.describe",
                "cloudformation.",
                "",
            ),
        )
    )
    errors = st.sampled_from(("unwell", "throttled"))
    quotas = st.sampled_from((Quota.DESCRIBE, Quota.DESCRIBE, Quota.CREATE, Quota.UPDATE))
    calls = st.sampled_from(("describe", "create", "update", "delete", ""))
    bodies = st.sampled_from(("not ours", "{}", "[]", '{"job_name": "Capitals"}'))
    return st.one_of(
        st.builds(FunctionDies, st.integers(0, 30), st.booleans()),
        st.builds(FunctionDies, st.integers(0, 8), st.booleans()),
        st.builds(ServiceIsUnwell, ports, errors, MINUTES, st.sampled_from((0.5, 1))),
        st.builds(ServiceIsUnwell, ports, errors, MINUTES, st.just(1)),
        st.builds(PermissionIsMissing, calls, MINUTES),
        st.builds(CallsAreSlow, st.sampled_from((2, 7, 25)), MINUTES),
        st.builds(DescribesAreStale, MINUTES),
        st.builds(OthersUseTheQuota, MINUTES),
        st.builds(ManyReservations, quotas, st.sampled_from((5, 100, 800))),
        st.builds(ClockWasWrong, names),
        st.builds(EventsAreLost, st.integers(1, 3)),
        st.builds(PoisonInTheStream, names),
        st.builds(NonsenseInTheQueue, bodies),
        st.builds(AccountIsFull, st.integers(0, 2)),
    )
