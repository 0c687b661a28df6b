"""What goes wrong with the calls of functions, in any world, and when."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from provisioner.errors import PermanentError, ProvisionerError, TemporaryError, ThrottledError

T = TypeVar("T")


class Crash(BaseException):
    """The Lambda function died: not an Exception, so nothing in the product handles it."""


class Broken(BaseException):
    """An invariant does not hold: not an Exception, which the product would handle."""


class NoClients:
    """AWS, which no simulated world reaches: whatever the functions need is handed in."""

    def __getattr__(self, name: str) -> object:
        message = f"a simulated function reached for the client {name}"
        raise Broken(message)


@dataclass
class Death:
    """A function dies at a call: before it is made, or when nobody hears its answer any more."""

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
    """Everything that is wrong at present with calls, whoever makes them.

    Attributes
    ----------
    crashes
        Share of calls before which a function dies, and of those after which it does.
    was_denied
        Whether a permission was ever missing for a call.
    """

    clock: Callable[[], datetime]
    chance: random.Random
    deaths: list[Death] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    crashes: float = 0
    was_denied: bool = False
    slow_seconds: float = 0
    slow_until: datetime | None = None
    stale_until: datetime | None = None
    crowded_until: datetime | None = None

    def end(self) -> None:
        """Nothing is wrong from now on."""
        self.deaths.clear()
        self.outages.clear()
        self.crashes = 0
        self.slow_until = self.stale_until = self.crowded_until = None

    def call(self, port: str, work: Callable[[], T]) -> T:
        """Make a call, unless something is wrong with it."""
        before, after = self._next()
        if before:
            raise Crash(port)
        self._fail(port)
        answer = work()
        if after:
            raise Crash(port)
        return answer

    def _next(self) -> tuple[bool, bool]:
        """Return whether the function dies before this call, and after it."""
        met = self._death()
        before = self.crashes > 0 and self.chance.random() < self.crashes
        after = self.crashes > 0 and self.chance.random() < self.crashes
        return (
            before or (met is not None and not met.after),
            after or (met is not None and met.after),
        )

    def _death(self) -> Death | None:
        met = None
        for death in self.deaths:
            death.calls_before -= 1
            if death.calls_before < 0:
                met = death
        if met:
            self.deaths.remove(met)
        return met

    def _fail(self, port: str) -> None:
        for outage in self.outages:
            strikes = port.startswith(outage.port) and self.clock() < outage.until
            if strikes and self.chance.random() < outage.share:
                self.was_denied |= outage.error is ERRORS["denied"]
                raise outage.error(port)


class Reached:
    """A port as functions reach it: each call meets the faults of its world."""

    def __init__(self, faults: Faults, name: str, port: Any) -> None:
        self._faults, self._name, self._port = faults, name, port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._faults.call(f"{self._name}.{name}", partial(method, *args, **kwargs))

        return call
