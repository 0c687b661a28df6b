"""EC2: capacity that is not there, and Spot capacity that is taken back.

On AWS both happen by themselves; here somebody says so, by the tag `FAULT`. As a tag of a job it
lets RunInstances fail as EC2 does: `no-spot-capacity` for Spot instances, `no-capacity` for all,
and with instance types and Availability Zones behind it (`no-capacity m7i.large us-east-1a`) for
those. With the value `INTERRUPTED` on a running Spot instance, that instance's metadata announce
the interruption. EC2 takes the instance two minutes later; here it stays.
"""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private
from provisioner.local.shim.spot import FAULT

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = "interrupted"
_INTERRUPTION_NOTICE_SECONDS = 120
_EC2 = "ministack.services.ec2"


def install() -> None:
    """Adapt the launch of instances."""
    for name in ("_error", "_p", "_subnets", "_tags"):
        private(_EC2, name)
    actions = private(_EC2, "_ACTION_MAP")
    actions["RunInstances"] = _lacking_capacity(actions["RunInstances"])


def instance_action(identifier: str) -> str | None:
    """Return what the metadata of an instance announce; None while it may stay."""
    tags = private(_EC2, "_tags").get(identifier, [])
    if {"Key": FAULT, "Value": INTERRUPTED} not in tags:
        return None
    taken = time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + _INTERRUPTION_NOTICE_SECONDS)
    )
    return json.dumps({"action": "terminate", "time": taken})


def _lacking_capacity(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def running(request: dict[str, Any]) -> Any:  # noqa: ANN401
        value = private(_EC2, "_p")
        kind = value(request, "InstanceType")
        subnet = private(_EC2, "_subnets").get(value(request, "NetworkInterface.1.SubnetId"), {})
        zone = subnet.get("AvailabilityZone", "")
        spot = value(request, "InstanceMarketOptions.MarketType") == "spot"
        if not lacks(_fault(request), kind, zone, spot=spot):
            return run(request)
        message = (
            "There is no Spot capacity available that matches your request."
            if spot
            else f"We currently do not have sufficient {kind} capacity in the Availability Zone "
            f"you requested ({zone})."
        )
        return private(_EC2, "_error")("InsufficientInstanceCapacity", message, 500)

    return running


def _fault(request: dict[str, Any]) -> str:
    value, tag = private(_EC2, "_p"), "TagSpecification.1.Tag."
    keys = [key for key in request if key.startswith(tag) and value(request, key) == FAULT]
    return next((value(request, key.replace(".Key", ".Value")) for key in keys), "")


def lacks(fault: str, kind: str, zone: str, *, spot: bool) -> bool:
    """Return whether a fault takes away the capacity for an instance type in a zone.

    >>> lacks("no-capacity m7i.large", "c7i.large", "us-east-1a", spot=False)
    False
    """
    what, *where = fault.split() or [""]
    concerned = what == "no-capacity" or (what == "no-spot-capacity" and spot)
    return concerned and (not where or kind in where or zone in where)
