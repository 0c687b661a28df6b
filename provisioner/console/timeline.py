"""All jobs' runs of a day as one picture: a lane for each job, drawn on the server. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

from minijinja import safe

from provisioner.console.filters import MARKS, run_path, took
from provisioner.plain_text import cleaned, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.service.run_lines import RunLine

_BEFORE = timedelta(hours=21)
_WIDTH = 24 * 60
"""Units of the picture: minutes, so that it changes once a minute at most."""

_HEIGHT = 16
_NARROWEST = 3


@dataclass(frozen=True, slots=True)
class Lane:
    """A job's runs of the day as an SVG image, and in words."""

    job_name: str
    picture: str
    said: str


def by_job(runs: Iterable[RunLine], now: datetime) -> dict[str, list[RunLine]]:
    """Return the runs in the span of each job that ran in it, the latest first."""
    begin = _begin(now)
    found: dict[str, list[RunLine]] = {}
    for run in runs:
        ended = run.ended_at or now
        if run.started_at and ended >= begin:
            found.setdefault(run.job_name, []).append(run)
    return found


def lanes(runs: Mapping[str, Sequence[RunLine]], now: datetime) -> Sequence[Lane]:
    """Return a lane for each job; the browser draws its next scheduled time there."""
    begin = _begin(now)
    return [_lane(name, each, begin, now) for name, each in runs.items()]


def hours(now: datetime) -> list[datetime]:
    """Return the times of the picture's grid, which divides it evenly."""
    return [_begin(now) + timedelta(hours=each) for each in range(0, 24, 4)]


def _lane(name: str, runs: Sequence[RunLine], begin: datetime, now: datetime) -> Lane:
    drawn = [_bar(run, begin, now) for run in reversed(runs)]
    line = f'<path class="now" d="M{_x(_minute(now), begin)} 0v{_HEIGHT}"/>'
    picture = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f"{line}{''.join(drawn)}</svg>"
    )
    failed = sum(MARKS.get(run.status) in {"bad", "late"} for run in runs)
    said = counted(len(runs), "run")
    said += f", {failed} failed" if failed else ""
    return Lane(name, safe(picture), said)


def _bar(run: RunLine, begin: datetime, now: datetime) -> str:
    start = max(_x(run.started_at or now, begin), 0)
    end = _x(run.ended_at or _minute(now), begin)
    mark = MARKS.get(run.status, "skip")
    y = {"bad": 0, "late": 0, "good": 5, "skip": 7}.get(mark, 3)
    word = cleaned(run.status).replace("_", " ").lower()
    title = " ".join(filter(None, (cleaned(run.job_name), word, took(run))))
    return (
        f'<a href="{escape(run_path(run))}" tabindex="-1"><rect class="run {mark}" x="{start}" '
        f'y="{y}" width="{max(end - start, _NARROWEST)}" height="{_HEIGHT - 2 * y or _HEIGHT}">'
        f"<title>{escape(title)}</title></rect></a>"
    )


def _x(time: datetime, begin: datetime) -> int:
    return round((time - begin).total_seconds() / 60)


def _begin(now: datetime) -> datetime:
    return _minute(now).replace(minute=0) - _BEFORE


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
