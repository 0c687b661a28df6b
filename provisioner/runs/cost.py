"""What a run has cost, estimated from what it has used and a list of prices. Pure.

A figure is given only when every price that it takes is known; a wrong one is worse than none. What
is not in it: data transfer, logs, what the job's code calls, and AWS's free tiers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.runs.keys import Field
from provisioner.runs.usage import LEAST_BILLED_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.runs.usage import Usage

Rates = Mapping[str, Decimal]
"""Prices of one Region in USD, by names like ``fargate_vcpu_hour_arm64``."""

Bound = Callable[[Iterable[Decimal]], Decimal]

SPOT_AT_LEAST = Decimal("0.3")
"""Of the price on demand: AWS says "up to 70 % off", and what it is at the moment only it knows."""

FARGATE_STORAGE_GB = 20
LAMBDA_STORAGE_MB = 512
"""Included in the price."""

_HOURS_OF_A_MONTH = 730
_SMALLEST = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Price:
    """What AWS asks for one unit in USD, as a source said it on a day (ISO 8601)."""

    usd: Decimal
    as_of: str
    source: str


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by Region and name."""

    regions: Mapping[str, Mapping[str, Price]]

    @classmethod
    def from_json(cls, text: str) -> Prices:
        """Read ``provisioner/prices.json``."""
        said = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        return cls(
            {
                region: {name: Price(**price) for name, price in prices.items()}
                for region, prices in said["regions"].items()
            }
        )

    def rates(self, region: str) -> Rates:
        """Return the prices of a Region, none for one that is not listed."""
        listed = self.regions.get(region, {})
        return MappingProxyType({name: price.usd for name, price in listed.items()})

    def as_of(self) -> str:
        """Return the day of the oldest price."""
        return min(price.as_of for prices in self.regions.values() for price in prices.values())


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate in USD: at most `usd`, and at least `least`.

    That is less with Spot, when not all attempts have been timed, and when a machine may have been
    of several types.
    """

    usd: Decimal
    least: Decimal


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What the runs of a job have cost in a month.

    Attributes
    ----------
    month
        Of the runs' ends in UTC, ``2026-11``.
    cost
        The sum of those that have a figure.
    unpriced
        How many have none.
    """

    month: str
    runs: int
    cost: Cost
    unpriced: int


def month_of(moment: datetime) -> str:
    """Return the month to which a run counts that ended then."""
    return moment.strftime("%Y-%m")


def estimate(usage: Usage, rates: Rates) -> Cost | None:
    """Return what a run has cost; None when a price is missing, or its use is not known."""
    if usage.untimed:
        return None
    try:
        most = _work(usage, rates, max) + _around(usage, rates)
        work = _work(usage.at_least(), rates, min) * (SPOT_AT_LEAST if usage.spot else 1)
        return Cost(_rounded(most), _rounded(work + _around(usage.at_least(), rates)))
    except KeyError:
        return None


def _around(usage: Usage, rates: Rates) -> Decimal:
    """Return what the run costs besides its work."""
    return (
        usage.transitions * rates["state_transition"]
        + usage.write_units * rates["dynamodb_write_unit"]
    )


def cost_values(cost: Cost | None) -> dict[str, object]:
    """Return the attributes of a run's row that say its cost, none without a figure."""
    if cost is None:
        return {}
    values: dict[str, object] = {Field.ESTIMATED_COST: cost.usd}
    if cost.least < cost.usd:
        values[Field.ESTIMATED_COST_FROM] = cost.least
    return values


def _rounded(usd: Decimal) -> Decimal:
    return usd.quantize(_SMALLEST).normalize()


def _work(usage: Usage, rates: Rates, bound: Bound) -> Decimal:
    match usage.type:
        case "lambda":
            return _function(usage, rates)
        case "ecs" | "batch":
            return _fargate(usage, rates)
        case _:
            return _machine(usage, rates, bound)


def _function(usage: Usage, rates: Rates) -> Decimal:
    gigabytes = usage.memory_mb / 1024
    extra = max(Decimal(), usage.storage_mb - LAMBDA_STORAGE_MB) / 1024
    by_second = gigabytes * rates[f"lambda_gb_second_{usage.architecture}"]
    by_second += extra * rates["lambda_storage_gb_second"]
    return usage.seconds * by_second + usage.attempts * rates["lambda_request"]


def _fargate(usage: Usage, rates: Rates) -> Decimal:
    seconds = max(usage.seconds, Decimal(LEAST_BILLED_SECONDS * usage.attempts))
    extra = max(Decimal(), usage.storage_mb / 1024 - FARGATE_STORAGE_GB)
    by_hour = usage.vcpu * rates[f"fargate_vcpu_hour_{usage.architecture}"]
    by_hour += usage.memory_mb / 1024 * rates[f"fargate_gb_hour_{usage.architecture}"]
    return seconds / 3600 * (by_hour + extra * rates["fargate_storage_gb_hour"])


def _machine(usage: Usage, rates: Rates, bound: Bound) -> Decimal:
    """Return what machines cost; `bound` chooses a price where they may have had several types."""
    seconds = max(usage.seconds, Decimal(LEAST_BILLED_SECONDS * usage.attempts))
    by_type = [rates[f"ec2_hour:{one}"] for one in usage.instance_types or ("",)]
    by_hour = bound(by_type) + rates["public_ipv4_hour"]
    return seconds / 3600 * (by_hour + usage.disk_gb * rates["gp3_gb_month"] / _HOURS_OF_A_MONTH)
