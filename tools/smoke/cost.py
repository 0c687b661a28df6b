"""What a run of the steps costs, from what each says that it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

AS_OF = "2026-11"
SOURCE = "docs/reference/cost.md (list prices of us-east-1, x86_64, no free tiers)"

VCPU_HOUR = 0.04048
GB_HOUR = 0.004445
PUBLIC_ADDRESS_HOUR = 0.005
GB_SECOND = 0.0000166667
MACHINE_HOUR = 0.0816
"""An m7g.large; x86_64's m7i.large is a quarter more."""
TRANSITION = 0.000025
BOOTSTRAP_MONTH = 33 * 0.10 + 80 * 0.30 + 3 + 1
"""Alarms, metrics at most, the dashboard, the topics' key."""
HOURS_A_MONTH = 730

AROUND_MINUTES = 30
"""To deploy the bootstrap and to tear it down."""
TRANSITIONS_A_RUN = 12


@dataclass(frozen=True)
class Usage:
    """What a step uses, at most.

    Attributes
    ----------
    minutes
        From its first row to its last stack's end.
    container_minutes
        Of Fargate, at 0.25 vCPU and 0.5 GB, whether started by ECS or by Batch.
    machine_minutes
        Of an m7g.large with a public address.
    function_seconds
        Of a function with 128 MB.
    runs
        Of jobs.
    """

    minutes: float = 6
    container_minutes: float = 0
    machine_minutes: float = 0
    function_seconds: float = 5
    runs: int = 1

    @property
    def dollars(self) -> float:
        """The list price in USD, the bootstrap's own not included."""
        container_hour = 0.25 * VCPU_HOUR + 0.5 * GB_HOUR + PUBLIC_ADDRESS_HOUR
        return (
            self.container_minutes / 60 * container_hour
            + self.machine_minutes / 60 * (MACHINE_HOUR + PUBLIC_ADDRESS_HOUR)
            + self.function_seconds * 0.125 * GB_SECOND
            + self.runs * TRANSITIONS_A_RUN * TRANSITION
        )


@dataclass(frozen=True)
class Estimate:
    """What is asked about before anything is spent: minutes, and USD."""

    minutes: float
    dollars: float

    @classmethod
    def of(cls, usages: Iterable[Usage]) -> Estimate:
        """Add up the steps, one after the other, and the bootstrap meanwhile."""
        known = list(usages)
        minutes = AROUND_MINUTES + sum(usage.minutes for usage in known)
        bootstrap = BOOTSTRAP_MONTH / HOURS_A_MONTH * minutes / 60
        return cls(minutes, bootstrap + sum(usage.dollars for usage in known))

    def __str__(self) -> str:
        return f"about {self.minutes:.0f} minutes and {self.dollars:.2f} USD"
