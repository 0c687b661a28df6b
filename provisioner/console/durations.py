"""How long a job's last runs took, as one picture: a bar for each, drawn on the server. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from minijinja import safe

from provisioner.console.filters import MARKS, duration, run_path, took
from provisioner.plain_text import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provisioner.service.run_lines import RunLine

_STEP, _BAR, _MARK = 14, 10, 9
_HEIGHT = 56
_TOP = 12
"""Room above the longest bar, for its mark."""

_LOWEST = 2


@dataclass(frozen=True, slots=True)
class Durations:
    """The picture, and what it says in words."""

    picture: str
    said: str


def of_runs(newest_first: Sequence[RunLine], usual_seconds: float | None) -> Durations | None:
    """Return the durations of runs, oldest first; None when none of them is known.

    What did not succeed has the mark of its status above its bar. A run that has not ended is an
    outline as high as the job's runs usually are: it would change with each second.
    """
    runs = newest_first[::-1]
    known = [seconds for run in runs if (seconds := _seconds(run)) is not None]
    if not known:
        return None
    longest = max(*known, usual_seconds or 0, 0.001)
    bars = "".join(
        _bar(run, index * _STEP, _high(_seconds(run), usual_seconds, longest))
        for index, run in enumerate(runs)
    )
    width = len(runs) * _STEP
    usual = ""
    if usual_seconds:
        y = _TOP + _HEIGHT - _high(usual_seconds, None, longest)
        usual = f'<path class="usual" d="M0 {y}H{width}"/>'
    picture = (
        f'<svg class="durations" viewBox="0 0 {width} {_TOP + _HEIGHT}" width="{width}" '
        f'height="{_TOP + _HEIGHT}" aria-hidden="true">{usual}{bars}</svg>'
    )
    return Durations(safe(picture), _said(runs, known))


def _seconds(run: RunLine) -> float | None:
    if run.started_at is None or run.ended_at is None or run.status == "SKIPPED":
        return None
    return max((run.ended_at - run.started_at).total_seconds(), 0)


def _high(seconds: float | None, instead: float | None, longest: float) -> int:
    seconds = instead if seconds is None else seconds
    return max(round(_HEIGHT * (seconds or 0) / longest), _LOWEST)


def _bar(run: RunLine, x: int, high: int) -> str:
    mark = MARKS.get(run.status, "skip")
    is_open = mark in {"busy", "wait"}
    y = _TOP + _HEIGHT - high
    word = cleaned(run.status).replace("_", " ").lower()
    title = escape(" ".join(filter(None, (cleaned(run.run), word, took(run)))))
    shape = f'<rect x="{x}" y="{y}" width="{_BAR}" height="{high}"/>'
    if is_open:
        shape = (
            f'<rect class="open" x="{x + 0.5}" y="{y + 0.5}" '
            f'width="{_BAR - 1}" height="{high - 1}"/>'
        )
    elif mark != "good":
        at = f'x="{x}" y="{y - _MARK - 1}" width="{_MARK}" height="{_MARK}"'
        shape += f'<use href="#mark-{mark}" {at}/>'
    return (
        f'<a class="{mark}" href="{escape(run_path(run))}" tabindex="-1">{shape}'
        f"<title>{title}</title></a>"
    )


def _said(runs: Sequence[RunLine], known: Sequence[float]) -> str:
    counts = Counter(_words(run.status for run in runs))
    shortest, longest = duration(min(known)), duration(max(known))
    span = shortest if shortest == longest else f"{shortest} to {longest}"
    return f"{span}; {', '.join(f'{number} {word}' for word, number in counts.most_common())}"


def _words(statuses: Iterable[str]) -> list[str]:
    return [cleaned(each).replace("_", " ").lower() for each in statuses]
