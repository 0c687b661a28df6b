"""Which runs or jobs an address means: in a list, and when something is done to all of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from provisioner.console.pages.queries import choice, number, text
from provisioner.errors import InvalidRequestError
from provisioner.runs.model import RunStatus
from provisioner.service.jobs import JobsWanted
from provisioner.service.overview import MOST_HOURS
from provisioner.service.run_search import RunFilter
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_filter(query: Mapping[str, str], now: datetime) -> RunFilter:
    """Read the filter of a list of runs.

    Raises
    ------
    InvalidRequestError
        If a time is none.
    """
    ended = number(query, "ended", 0)
    return RunFilter(
        text(query, "job"),
        choice(query, "status", RunStatus),
        _time(query, "since"),
        now - timedelta(hours=min(ended, MOST_HOURS)) if ended else None,
        text(query, "reason"),
        JobsWanted(tag=text(query, "tag")),
    )


def job_filter(query: Mapping[str, str]) -> JobsWanted:
    """Read the filter of a list of jobs."""
    return JobsWanted(
        prefix=query.get("prefix", "").strip(),
        status=choice(query, "status", JobStatus),
        type=text(query, "type"),
        owner=text(query, "owner"),
        tag=text(query, "tag"),
    )


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    said = text(query, name)
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        message = f"{name} {said} is not a time like 2026-11-21T09:00:00Z"
        raise InvalidRequestError(message)
    return at
