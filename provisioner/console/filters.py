"""How values read on a page: times, durations, costs, statuses; as text or as escaped HTML."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from minijinja import escape, safe

from provisioner import exact_numbers
from provisioner.plain_text import cleaned, counted
from provisioner.runs.model import RunStatus
from provisioner.service.run_detail import STARTING
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MOST_LEVELS = 100
"""As many as a body of the API may have (docs/reference/api.md)."""

_SLOW = 1.5
"""As many times the usual duration are marked."""

MARKS: dict[str, str] = {
    RunStatus.SUCCEEDED: "good",
    RunStatus.RUNNING: "busy",
    RunStatus.QUEUED: "wait",
    STARTING: "wait",
    RunStatus.FAILED: "bad",
    RunStatus.TIMED_OUT: "late",
    RunStatus.STOPPED: "stop",
    RunStatus.SKIPPED: "skip",
    JobStatus.READY: "good",
    JobStatus.CREATING: "busy",
    JobStatus.UPDATING: "busy",
    JobStatus.DELETING: "busy",
    JobStatus.PENDING: "wait",
    JobStatus.RETRYING: "late",
    JobStatus.INVALID: "wrong",
    JobStatus.PAUSED: "stop",
    JobStatus.RETAINED: "skip",
    JobStatus.DELETED: "skip",
}
"""The mark of each status: a shape and a colour (console.css), always beside its own word."""


def sentence(text: str, names: Iterable[str] = ()) -> str:
    """Return an error's text as a sentence; a name that it begins with keeps its letters."""
    shown = text if text.partition(" ")[0] in names else text[:1].upper() + text[1:]
    return shown if shown.endswith((".", "?", "!")) else f"{shown}."


def status(word: str | None) -> str:
    """Return a status as word, shape and colour."""
    shown = cleaned(str(word or "-"))
    return _marked(shown, MARKS.get(shown, "skip"))


def stack_status(word: str, *, now: bool = False) -> str:
    """Return a status of a stack or of a resource in it, which CloudFormation has many of.

    Parameters
    ----------
    now
        Whether it still is so.
    """
    ends = {
        "FAILED": "bad",
        "IN_PROGRESS": "busy" if now else "wait",
        "ROLLBACK_COMPLETE": "late",
        "COMPLETE": "good",
    }
    return _marked(cleaned(word), next((ends[end] for end in ends if word.endswith(end)), "skip"))


def bulk_state(line: Any) -> str:  # noqa: ANN401  (a line of a bulk operation)
    """Return how far an operation is, as a status."""
    if not line.is_over:
        return _marked("not finished", "wait")
    return _marked("done, some failed", "bad") if line.failed else _marked("done", "good")


def _marked(shown: str, mark: str) -> str:
    text = escape(shown.replace("_", " ").lower())
    return safe(
        f'<span class="status {mark}"><svg class="mark" aria-hidden="true">'
        f'<use href="#mark-{mark}"/></svg>{text}</span>'
    )


def when(time: datetime | None, zone: str = "", *, both: bool = False) -> str:
    """Return a time, which the browser also shows as how long ago, and in the chosen zone.

    Parameters
    ----------
    both
        Whether the browser shows how long ago it was beside the time, and not in its place.
    """
    if time is None:
        return safe('<span class="none">–</span>')
    at = time.astimezone(UTC)
    of_job = f' data-zone="{escape(cleaned(zone))}"' if zone else ""
    of_job += " data-both" if both else ""
    return safe(f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}"{of_job}>{at:%d %b %H:%M:%S} UTC</time>')


def duration(seconds: float | Decimal | timedelta | None) -> str:
    """Return a duration with two units at most."""
    if seconds is None:
        return "–"
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    whole = round(seconds)
    if seconds < 10:
        return f"{max(0.0, float(seconds)):.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def iso(time: datetime | None) -> str:
    """Return a time for programs; "" without one."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if time else ""


def in_field(time: datetime | None) -> str:
    """Return a time for a field of a form, in UTC, with seconds if it has any; "" without one."""
    if time is None:
        return ""
    seconds = ":%S" if time.second else ""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M{seconds}}"


def slow(line: Any) -> str:  # noqa: ANN401  (a line of a job)
    """Return how many times as long as usual the last run took; "" if that is not worth a word."""
    last, usual = line.last_run, line.usual_seconds
    if not usual or last is None or last.ended_at is None or last.started_at is None:
        return ""
    times = (last.ended_at - last.started_at).total_seconds() / usual
    return f"{times:.1f}" if times >= _SLOW else ""


def took(run: Any) -> str:  # noqa: ANN401  (a line of a run)
    """Return how long a run took; "" while it has not ended."""
    if run.started_at is None or run.ended_at is None:
        return ""
    return duration(run.ended_at - run.started_at)


def usd(amount: Decimal | None) -> str:
    """Return an amount of US dollars, with four places below ten cents."""
    if amount is None:
        return "–"
    if amount == 0:
        return "$0"
    if amount >= Decimal("0.1"):
        return f"${amount:.2f}"
    return f"${amount:.4f}" if amount >= Decimal("0.0001") else "< $0.0001"


def as_json(value: object) -> str:
    """Return a value as JSON for people, on several lines."""
    if _is_deeper(value, _MOST_LEVELS):
        return "nested too deeply to be shown"
    return exact_numbers.to_json(value, default=_plain, indent=2, ensure_ascii=False)


def _is_deeper(value: object, levels: int) -> bool:
    """Tell whether there are more levels of lists and objects: each indents all that it has."""
    found = [value]
    for _ in range(levels + 1):
        found = [inner for each in found for inner in _inner(each)]
    return bool(found)


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple | set | frozenset) else ()


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)


def path(*parts: str) -> str:
    """Return an address of the console, with each part of its path quoted."""
    return "/" + "/".join(quote(str(each), safe="") for each in parts)


def run_path(run: Any) -> str:  # noqa: ANN401  (a line of a run)
    """Return the address of a run, which says when it began so that it is found at once."""
    at = run.trigger_id.partition("#")[0]
    return f"/jobs/{quote(run.job_name, '')}/runs/{quote(run.run, '')}?at={quote(at, '')}"


def clock(time: datetime) -> str:
    """Return the time of day, in UTC."""
    return f"{time.astimezone(UTC):%H:%M}"


def short_name(name: str) -> str:
    """Return what tells people apart in a name that is an ARN: its end."""
    return name.rpartition("/")[2] if name.startswith("arn:") else name


def in_zone(time: datetime, zone: str) -> str:
    """Return a time as it is in a zone, in words."""
    try:
        known = ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        known = ZoneInfo("UTC")
    return f"{time.astimezone(known):%a %d %b %H:%M %Z}"


def with_query(address: str, changes: Mapping[str, object], *, before: Mapping[str, str]) -> str:
    """Return an address with the query as it is and some of it changed; None removes one."""
    merged = {name: value for name, value in before.items() if value} | dict(changes)
    query = urlencode({name: value for name, value in merged.items() if value not in {None, ""}})
    return f"{address}?{query}" if query else address


def link(address: str, query: Mapping[str, str], **changes: object) -> str:
    """Return the same page with a part of its query changed; a cursor goes with any change."""
    return with_query(address, {"cursor": None, **changes}, before=query)


def command(*arguments: object, **options: object) -> str:
    """Return a command of `provisioner` as a shell reads it, whatever stands in its arguments.

    Parameters
    ----------
    arguments, options
        What is empty is left out; an option that is True has no value.
    """
    words = ["provisioner", *(str(each) for each in arguments if each not in {None, ""})]
    for name, value in options.items():
        if value not in {None, ""}:
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, str(value)]
    return shlex.join(cleaned(each) for each in words)


_STRIP_STEP, _STRIP_HEIGHT = 5, 16
_BARS = {"good": 6, "bad": 16, "late": 16, "wrong": 16, "busy": 11, "wait": 4, "stop": 9, "skip": 2}
"""Heights in a strip: what went wrong stands out without its colour."""


def strip(statuses: Iterable[str]) -> str:
    """Return the last runs as bars, oldest first; what failed is tallest and has a gap."""
    shown = [cleaned(str(each)) for each in statuses]
    if not shown:
        return safe('<span class="none">–</span>')
    bars = "".join(_bar(index, each) for index, each in enumerate(shown))
    failed = sum(MARKS.get(each) in {"bad", "late"} for each in shown)
    said = f"last {counted(len(shown), 'run')}" + (f": {failed} failed" if failed else "")
    width = 20 * _STRIP_STEP
    return safe(
        f'<svg class="strip" role="img" aria-label="{said}" viewBox="0 0 {width} {_STRIP_HEIGHT}" '
        f'width="{width}" height="{_STRIP_HEIGHT}">{bars}</svg>'
    )


def _bar(index: int, word: str) -> str:
    mark = MARKS.get(word, "skip")
    height = _BARS[mark]
    x, y = index * _STRIP_STEP, _STRIP_HEIGHT - height
    if mark == "late":  # a gap: not the bar of a failure
        shape = f"M{x} {y}h4v6h-4zM{x} {y + 9}h4v{height - 9}h-4z"
    elif mark in {"busy", "wait"}:  # hollow: not over
        shape = f"M{x} {y}h4v{height}h-4zM{x + 1} {y + 1}v{height - 2}h2v-{height - 2}z"
    else:
        shape = f"M{x} {y}h4v{height}h-4z"
    words = escape(word.replace("_", " ").lower())
    return f'<path class="{mark}" d="{shape}"><title>{words}</title></path>'


FILTERS: dict[str, Callable[..., Any]] = {
    "status": status,
    "stack_status": stack_status,
    "bulk_state": bulk_state,
    "sentence": sentence,
    "when": when,
    "duration": duration,
    "iso": iso,
    "in_field": in_field,
    "in_zone": in_zone,
    "clock": clock,
    "counted": counted,
    "short_name": short_name,
    "slow": slow,
    "took": took,
    "usd": usd,
    "as_json": as_json,
    "strip": strip,
}
GLOBALS: dict[str, Callable[..., Any]] = {
    "path": path,
    "link": link,
    "run_path": run_path,
    "command": command,
}
