"""Time zones, and the instants between which a schedule runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from provisioner.jobs.errors import did_you_mean, invalid, kind_of, shown

_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,50}")  # EventBridge Scheduler, ScheduleExpressionTimezone
# What a machine's time zone folder holds beside the zones of the IANA database.
_NOT_ZONES = re.compile(r"(posix|right)/.*|posixrules|localtime|Factory")


def zone_name(value: object) -> str:
    """Check the name of a time zone of the IANA database, which comes with package tzdata."""
    if not isinstance(value, str):
        raise invalid(f'must be a time zone like "Europe/Berlin", not {kind_of(value)}')
    if value != "UTC" and _zone(value) is None:
        hint = did_you_mean(value, available_timezones())
        raise invalid(f"{shown(value)} is not an IANA time zone{hint}")
    return value


def instant(value: object, zone: str) -> str:
    """Check a date or a date and time, and return it as ISO-8601 in UTC, to the second.

    Parameters
    ----------
    value
        ISO-8601 text; without a zone of its own it is a time of `zone`.
    zone
        The row's time zone, already checked.
    """
    wanted = 'must be a date and time like "2030-01-31T09:00:00" or "2030-01-31T09:00:00Z"'
    if not isinstance(value, str):
        raise invalid(f"{wanted}, not {kind_of(value)}")
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=_zone(zone) or UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(f"{wanted}, not {shown(value)}") from error
    if not 1970 <= moment.year <= 2199:
        raise invalid(f"must lie between 1970 and 2199, not in {moment.year}")
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def zone(name: str) -> tzinfo:
    """Return a zone that `zone_name` has accepted."""
    return _zone(name) or UTC


def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    if not _ZONE.fullmatch(name) or _NOT_ZONES.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return None
