"""Schedules keep all that their template says of them, and their rhythm.

The engine's CloudFormation leaves out when a schedule begins and ends, and its time zone. Its
scheduler counts a `rate()` from the last time that it got round to it, and takes a schedule that is
changed or enabled again for one that is late.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SCHEDULER = "ministack.services.scheduler"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_RESPONSES = "ministack.core.responses"
_ZONE = "ScheduleExpressionTimezone"
_started = time.time()


def install() -> None:
    """Adapt how schedules are made and changed, and when they fire."""
    for name in ("_schedules", "_schedule_last_fired"):
        private(_SCHEDULER, name)
    private("ministack.services.eventbridge", "_parse_rate_seconds")
    handlers = private(_PROVISIONERS, "_RESOURCE_HANDLERS")["AWS::Scheduler::Schedule"]
    handlers["create"] = _with_its_dates(handlers["create"])
    handlers["update"] = _with_its_dates(handlers["update"])
    wrap(_SCHEDULER, "_update_schedule", _begun_again)
    wrap(_SCHEDULER, "_tick_schedules", _in_rhythm)


def _with_its_dates(handle: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handle)
    def handling(*arguments: Any) -> Any:  # noqa: ANN401
        wanted = next(a for a in reversed(arguments) if isinstance(a, dict))
        kept = dates(wanted)
        schedules, group = private(_SCHEDULER, "_schedules"), wanted.get("GroupName", "default")
        before = dict(schedules.get(f"{group}/{wanted.get('Name')}") or {})
        name, attributes = handle(*arguments)
        key = f"{group}/{name}"
        schedules[key].update(kept)
        _forget_if_changed(key, before)
        return name, attributes

    return handling


def dates(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schedule's zone and dates as the engine keeps them: in seconds since 1970.

    Raises
    ------
    ValueError
        A date is not written as CloudFormation wants it, which is not as the API does.

    >>> dates({"StartDate": "1970-01-01T00:01:00.000Z"})
    {'ScheduleExpressionTimezone': 'UTC', 'StartDate': 60.0, 'EndDate': None}
    """
    return {
        _ZONE: properties.get(_ZONE, "UTC"),
        "StartDate": _seconds(properties.get("StartDate")),
        "EndDate": _seconds(properties.get("EndDate")),
    }


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    date = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return date.replace(tzinfo=dt.UTC).timestamp()


def _begun_again(update: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(update)
    def updating(name: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        key = f"{body.get('GroupName', 'default')}/{name}"
        before = dict(private(_SCHEDULER, "_schedules").get(key) or {})
        answer = update(name, body)
        _forget_if_changed(key, before)
        return answer

    return updating


def _forget_if_changed(key: str, before: Mapping[str, Any]) -> None:
    """Forget when a schedule last fired that has another expression now, or is enabled again."""
    schedule = private(_SCHEDULER, "_schedules").get(key)
    if not schedule or not before:
        return
    expression = schedule["ScheduleExpression"]
    is_enabled_again = schedule["State"] != before["State"] and not expression.startswith("at(")
    if expression != before["ScheduleExpression"] or is_enabled_again:
        schedule["LastModificationDate"] = time.time()
        scope = (private(_RESPONSES, "get_account_id")(), private(_RESPONSES, "get_region")())
        private(_SCHEDULER, "_schedule_last_fired").pop((*scope, key), None)


def _in_rhythm(fire: Callable[[], None]) -> Callable[[], None]:
    """Fire what is due, each `rate()` with a start date on the grid that begins there."""

    @functools.wraps(fire)
    def firing() -> None:
        fired = private(_SCHEDULER, "_schedule_last_fired")
        interval_of = private("ministack.services.eventbridge", "_parse_rate_seconds")
        for key, schedule in list(private(_SCHEDULER, "_schedules")._data.items()):  # noqa: SLF001
            interval = interval_of(schedule["ScheduleExpression"])
            start = schedule.get("StartDate")
            if interval and isinstance(start, int | float):
                seen = fired.get(key, max(schedule["LastModificationDate"], _started))
                fired[key] = last_tick(start, interval, seen)
        fire()

    return firing


def last_tick(start: float, interval: float, until: float) -> float:
    """Return the last scheduled time at or before now, of a grid through `start`.

    >>> last_tick(100, 60, 230), last_tick(100, 60, 99)
    (220, 40)
    """
    return start + math.floor((until - start) / interval) * interval
