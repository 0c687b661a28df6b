"""What goes wrong with calls, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from provisioner.errors import PermanentError, ProvisionerError, TemporaryError, ThrottledError


class Died(BaseException):
    """The Lambda is no more: not an Exception, so nobody gets to handle it."""


class Broken(BaseException):
    """An invariant does not hold: not an Exception, which the product would handle."""


@dataclass
class Death:
    """A Lambda dies at a call: before it is made, or when nobody hears its answer any more."""

    calls_before: int
    after: bool


@dataclass(frozen=True)
class Outage:
    """Calls of a port fail for a while, a `share` of them."""

    port: str
    error: Callable[[str], ProvisionerError]
    until: datetime
    share: float


ERRORS: dict[str, Callable[[str], ProvisionerError]] = {
    "unwell": lambda port: TemporaryError(f"ServiceUnavailable: {port}"),
    "throttled": lambda port: ThrottledError(f"ThrottlingException: Rate exceeded: {port}"),
    "denied": lambda port: PermanentError(f"AccessDenied: not authorized: {port}"),
}


@dataclass
class Faults:
    """Everything that is wrong at present with calls, whoever makes them."""

    deaths: list[Death] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    slow_seconds: float = 0
    slow_until: datetime | None = None
    stale_until: datetime | None = None
    crowded_until: datetime | None = None

    def end(self) -> None:
        """Nothing is wrong from now on."""
        self.deaths.clear()
        self.outages.clear()
        self.slow_until = self.stale_until = self.crowded_until = None

    def death(self) -> Death | None:
        """Return the death that this call meets."""
        met = None
        for death in self.deaths:
            death.calls_before -= 1
            if death.calls_before < 0:
                met = death
        if met:
            self.deaths.remove(met)
        return met
