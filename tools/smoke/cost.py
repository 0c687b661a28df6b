"""What a run of the steps costs, from what each says that it uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.runs.cost import Prices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provisioner.runs.cost import Rates

_FILE = Path(__file__).parents[2] / "provisioner" / "prices.json"
PRICES = Prices.from_json(_FILE.read_text("utf-8"))
OTHERWISE = "us-east-1"
"""Whose prices stand for those of a Region that is not in the list: some per cent off."""

BOOTSTRAP_MONTH = 33 * 0.10 + 80 * 0.30 + 3 + 1
"""Alarms, metrics at most, the dashboard, the topics' key, in USD: docs/reference/cost.md."""
HOURS_A_MONTH = 730
AROUND_MINUTES = 30
"""To deploy the bootstrap and to tear it down."""
TRANSITIONS_A_RUN = 12
MACHINE = "m7g.large"
BUILD_MINUTE = 0.005
"""Of the dearer architecture's smallest machine, in USD: docs/reference/cost.md."""


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
        Of an m7g.large, with a public address as containers have.
    function_seconds
        Of a function with 128 MB.
    runs
        Of jobs.
    build_minutes
        Of CodeBuild, on the smallest machine.
    """

    minutes: float = 6
    container_minutes: float = 0
    machine_minutes: float = 0
    function_seconds: float = 5
    runs: int = 1
    build_minutes: float = 0

    def dollars(self, rates: Rates) -> float:
        """Return the list price in USD, without the bootstrap's own."""
        known = {name: float(rate) for name, rate in rates.items()}
        address = known["public_ipv4_hour"]
        container = 0.25 * known["fargate_vcpu_hour_x86_64"] + 0.5 * known["fargate_gb_hour_x86_64"]
        return (
            self.container_minutes / 60 * (container + address)
            + self.machine_minutes / 60 * (known[f"ec2_hour:{MACHINE}"] + address)
            + self.function_seconds * 0.125 * known["lambda_gb_second_x86_64"]
            + self.runs * TRANSITIONS_A_RUN * known["state_transition"]
            + self.build_minutes * BUILD_MINUTE
        )


@dataclass(frozen=True)
class Estimate:
    """What is asked about before anything is spent: minutes, and USD at whose prices."""

    minutes: float
    dollars: float
    region: str

    @classmethod
    def of(cls, usages: Iterable[Usage], region: str) -> Estimate:
        """Add up the steps, one after the other, and the bootstrap meanwhile."""
        listed = region if PRICES.rates(region) else OTHERWISE
        rates, known = PRICES.rates(listed), list(usages)
        minutes = AROUND_MINUTES + sum(usage.minutes for usage in known)
        bootstrap = BOOTSTRAP_MONTH / HOURS_A_MONTH * minutes / 60
        return cls(minutes, bootstrap + sum(usage.dollars(rates) for usage in known), listed)

    def __str__(self) -> str:
        return (
            f"about {self.minutes:.0f} minutes and {self.dollars:.2f} USD, by the list prices of "
            f"{self.region} of {PRICES.as_of()} (provisioner/prices.json)"
        )
