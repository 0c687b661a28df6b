"""Which runs or jobs an address means: in a list, and when something is done to all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.console.pages.queries import choice, number, text, time
from provisioner.runs.model import RunStatus
from provisioner.service.jobs import JobsWanted
from provisioner.service.overview import MOST_HOURS
from provisioner.service.run_search import RunFilter
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


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
        time(query, "since"),
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
