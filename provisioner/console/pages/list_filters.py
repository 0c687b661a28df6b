"""Which runs or jobs an address means: in a list, and when something is done to all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.console.pages.queries import choice, number, text, time
from provisioner.errors import InvalidRequestError
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.runs.model import RunStatus
from provisioner.service.jobs import JobsWanted
from provisioner.service.overview import MOST_HOURS
from provisioner.service.run_search import RunFilter, require_span
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def run_filter(query: Mapping[str, str], now: datetime) -> RunFilter:
    """Read the filter of a list of runs.

    Raises
    ------
    InvalidRequestError
        If a time is none, or the span of time ends before it begins.
    """
    ended = number(query, "ended", 0)
    wanted = RunFilter(
        text(query, "job"),
        choice(query, "status", RunStatus),
        time(query, "since"),
        time(query, "until"),
        now - timedelta(hours=min(ended, MOST_HOURS)) if ended else None,
        text(query, "started_by"),
        text(query, "reason"),
        JobsWanted(tag=text(query, "tag")),
    )
    require_span(wanted.began_since, wanted.began_before)
    return wanted


def times_of(query: Mapping[str, str]) -> tuple[dict[str, datetime | None], dict[str, str]]:
    """Return the times of a filter, and what is wrong with them, by the names of their fields."""
    times: dict[str, datetime | None] = {}
    wrong: dict[str, str] = {}
    for name in ("since", "until"):
        try:
            times[name] = time(query, name)
        except InvalidRequestError as error:
            times[name], wrong[name] = None, str(error)
    try:
        require_span(times["since"], times["until"])
    except InvalidRequestError as error:
        wrong["until"] = str(error)
    return times, wrong


def job_filter(query: Mapping[str, str]) -> JobsWanted:
    """Read the filter of a list of jobs."""
    return JobsWanted(
        prefix=query.get("prefix", "").strip(),
        status=choice(query, "status", JobStatus),
        type=text(query, "type"),
        owner=text(query, "owner"),
        tag=text(query, "tag"),
        schedule=choice(query, "schedule", ScheduleFilter),
    )
