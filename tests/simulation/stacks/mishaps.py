"""What may go wrong with calls and messages, one small thing each, as a failing story prints it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from provisioner.stacks.rate_limits import Quota, RateLimit, Suspension
from tests.simulation.faults import ERRORS, Outage
from tests.simulation.mishaps import FunctionDies, ServiceIsUnwell
from tests.simulation.stacks.world import World
from tests.simulation.stories import Step


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


MINUTES = (0.2, 2, 10)
PORTS = (
    *("jobs.get_many", "stacks.get_many", "stacks.save", "stacks.by_status", "queue.send"),
    *(
        "rate_limiter.",
        "pin",
        "artifact_index.",
        "builds.",
        "cloudformation.describe",
        "cloudformation.",
        "",
    ),
)
QUOTAS = (Quota.DESCRIBE, Quota.DESCRIBE, Quota.CREATE, Quota.UPDATE)
CALLS = ("describe", "create", "update", "delete", "")
BODIES = ("not ours", "{}", "[]", '{"job_name": "Capitals"}')
FAULTS: tuple[Callable[[random.Random, str], Step], ...] = (
    lambda r, _: FunctionDies(r.randint(0, 30), r.random() < 0.5),
    lambda r, _: FunctionDies(r.randint(0, 8), r.random() < 0.5),
    lambda r, _: ServiceIsUnwell(
        r.choice(PORTS), r.choice(("unwell", "throttled")), r.choice(MINUTES), r.choice((0.5, 1))
    ),
    lambda r, _: ServiceIsUnwell(
        r.choice(PORTS), r.choice(("unwell", "throttled")), r.choice(MINUTES), 1
    ),
    lambda r, _: PermissionIsMissing(r.choice(CALLS), r.choice(MINUTES)),
    lambda r, _: CallsAreSlow(r.choice((2, 7, 25)), r.choice(MINUTES)),
    lambda r, _: DescribesAreStale(r.choice(MINUTES)),
    lambda r, _: OthersUseTheQuota(r.choice(MINUTES)),
    lambda r, _: ManyReservations(r.choice(QUOTAS), r.choice((5, 100, 800))),
    lambda _, name: ClockWasWrong(name),
    lambda r, _: EventsAreLost(r.randint(1, 3)),
    lambda _, name: PoisonInTheStream(name),
    lambda r, _: NonsenseInTheQueue(r.choice(BODIES)),
    lambda r, _: AccountIsFull(r.randint(0, 2)),
)


def fault(chance: random.Random, name: str) -> Step:
    """Return something that may go wrong with calls and messages, near a job."""
    return chance.choice(FAULTS)(chance, name)
