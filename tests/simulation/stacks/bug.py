"""Where a bug can be planted: in what the functions are handed, never in the product's modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.stacks import plan
from provisioner.stacks.ports import Ports

if TYPE_CHECKING:
    from provisioner.stacks.plan import Decide

Handlers = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Bug:
    """What a world is wired with; without arguments there is none.

    Attributes
    ----------
    decide
        Names the next action for a job.
    ports
        What reconciles reach, given what they reach in this world.
    handlers
        Those of functions that differ, given all by name.
    upgrades
        The upgrade as functions reach it, given that of this world.
    service
        The service in the name of a canary, given that of this world.
    having
        The step without which no story can fail; None for any.
    """

    decide: Decide = plan.decide
    ports: Callable[[Ports], Ports] = lambda ports: ports
    handlers: Callable[[Handlers], Handlers] = lambda _: {}
    upgrades: Callable[[Any], Any] = lambda upgrades: upgrades
    service: Callable[[Any], Any] = lambda service: service
    having: type | None = None


NO_BUG = Bug()
