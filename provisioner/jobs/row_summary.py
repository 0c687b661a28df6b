"""As much of a row as a line of a list shows, kept where no list has to read the row itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from provisioner.jobs.errors import InvalidRow, InvalidValueError
from provisioner.jobs.scheduled_times import scheduled_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs.types import Job

_LONGEST = 256
"""Characters of a text of a row that is INVALID: what is longer may be anything."""

_MOST = 50
"""Tags and schedules of such a row."""


class ScheduleFilter(StrEnum):
    """What may be asked of a job's schedule: that it has one, paused ones included, or none."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RowSummary:
    """What a list shows of a row.

    Attributes
    ----------
    schedule, timezone, schedule_start, schedule_end
        As the row has them; of an INVALID row only what is text.
    schedule_enabled
        Whether the row lets its schedule start runs.
    pauses
        Whether failures may pause the schedule, which another item says.
    """

    type: str = ""
    description: str = ""
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    schedule: tuple[str, ...] = ()
    timezone: str = "UTC"
    schedule_start: str | None = None
    schedule_end: str | None = None
    schedule_enabled: bool = True
    paused: bool = False
    pauses: bool = False

    def next_after(self, job_name: str, now: datetime) -> datetime | None:
        """Return the schedule's next time, None when none comes or the row has it start nothing."""
        if self.paused or not self.schedule_enabled:
            return None
        of = (self.schedule, self.timezone, self.schedule_start, self.schedule_end, job_name)
        # Whoever looks at many jobs looks again in a moment, when their next times are the same.
        found = _next_after(*of, now.replace(second=0, microsecond=0))
        return found if found is None or found > now else _next_after.__wrapped__(*of, now)


@lru_cache(maxsize=4096)
def _next_after(
    schedule: tuple[str, ...],
    timezone: str,
    start: str | None,
    end: str | None,
    job_name: str,
    now: datetime,
) -> datetime | None:
    try:
        span = {"start": _instant(start), "end": _instant(end)}
        each = (
            next(scheduled_times(text, timezone, now, **span, job_name=job_name), None)
            for text in schedule
        )
        return min((at for at in each if at is not None), default=None)
    except (ValueError, InvalidValueError):  # an INVALID row may have anything for a schedule
        return None


def summary_of(row: Mapping[str, object], parsed: Job | InvalidRow) -> RowSummary:
    """Return what a list shows of a row, as far as that is known when it is INVALID."""
    if isinstance(parsed, InvalidRow):
        return _summary_of_invalid(row)
    return RowSummary(
        type=parsed.type,
        description=parsed.description,
        owner=parsed.owner,
        tags=dict(parsed.tags),
        schedule=parsed.schedule,
        timezone=parsed.timezone,
        schedule_start=parsed.schedule_start,
        schedule_end=parsed.schedule_end,
        schedule_enabled=parsed.schedule_enabled,
        paused=parsed.paused,
        pauses=parsed.pause_on_failures is not None,
    )


def _summary_of_invalid(row: Mapping[str, object]) -> RowSummary:
    tags, schedule = row.get("tags"), row.get("schedule")
    expressions = schedule if isinstance(schedule, list) else [schedule]
    return RowSummary(
        type=_text(row.get("type")),
        description=_text(row.get("description")),
        owner=_text(row.get("owner")),
        tags={
            _text(name): _text(value)
            for name, value in list(tags.items() if isinstance(tags, dict) else ())[:_MOST]
            if isinstance(name, str) and isinstance(value, str)
        },
        schedule=tuple(_text(each) for each in expressions[:_MOST] if isinstance(each, str)),
        timezone=_text(row.get("timezone")) or "UTC",
    )


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _instant(bound: str | None) -> datetime | None:
    return None if bound is None else datetime.fromisoformat(bound)
