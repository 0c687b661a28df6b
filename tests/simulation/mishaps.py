"""What may go wrong in any world, one small thing each, as a failing story prints it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tests.simulation.faults import ERRORS, Death, Faults, Outage


class Troubled(Protocol):
    """A world in which calls may go wrong."""

    @property
    def faults(self) -> Faults: ...

    def until(self, minutes: float) -> datetime:
        """Return the moment so many minutes from now."""


@dataclass(frozen=True)
class FunctionDies:
    """The Lambda function dies at a call that is soon to come."""

    calls_before: int
    after: bool

    def happen(self, world: Troubled) -> None:
        world.faults.deaths.append(Death(self.calls_before, self.after))


@dataclass(frozen=True)
class ServiceIsUnwell:
    """Calls of a port fail, with the service's own errors or throttles."""

    port: str
    error: str
    minutes: float
    share: float

    def happen(self, world: Troubled) -> None:
        outage = Outage(self.port, ERRORS[self.error], world.until(self.minutes), self.share)
        world.faults.outages.append(outage)
