"""Spot capacity: a run starts on it, and what it loses there starts again on demand at once.

`Work.spot` says whether a run starts on Spot (``prefer``, ``only``) and may leave it (``prefer``).
The variable `$spot` is what its next attempt starts on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from templates.workflow.expressions import outcome
from templates.workflow.jsonata import Expression, both, variable, when
from templates.workflow.programs import INSUFFICIENT_CAPACITY, SPOT_INTERRUPTION
from templates.workflow.states import State, choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import Spot
    from templates.workflow.jsonata import Value

ON_SPOT = variable("spot")

_INTERRUPTIONS = variable("spot_interruptions")


def variables(spot: Spot) -> dict[str, object]:
    """Return the variables that a run, or an item of it, begins with."""
    return {} if spot == "never" else {"spot": True, "spot_interruptions": 0}


def details(spot: Spot, error: Expression | None = None) -> tuple[Value, ...]:
    """Return what `outcome` says of an attempt's capacity; `error` is why it failed, if it did."""
    if spot == "never":
        return ()
    interrupted: Value = when(error.equals(SPOT_INTERRUPTION), 1, 0) if error else 0
    capacity = when(ON_SPOT, "spot", "on_demand")
    return ({"capacity_type": capacity, "spot_interruptions": _INTERRUPTIONS + interrupted},)


def counted(spot: Spot) -> dict[str, object]:
    """Return the variables that another attempt begins with."""
    return {} if spot == "never" else {"spot_interruptions": outcome("spot_interruptions")}


def choices(spot: Spot) -> list[State]:
    """Return the rule for an attempt that Spot has failed; it uses up no retry."""
    lost = outcome("error").within([SPOT_INTERRUPTION, INSUFFICIENT_CAPACITY])
    return [choice(both(ON_SPOT, lost), "OnDemand")] if spot == "prefer" else []


def states(spot: Spot, again: Mapping[str, object]) -> dict[str, object]:
    """Return the state that such an attempt leads to; `again` are the next attempt's variables."""
    if spot != "prefer":
        return {}
    return {"OnDemand": {"Type": "Pass", "Assign": {**again, "spot": False}, "Next": "Run"}}
