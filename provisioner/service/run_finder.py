"""Finding a run by a text that names it: an id, an ARN, what the API or the console calls it.

No index has runs by their names. A text that says the job names the run, and so does one that says
when the run began, as ids of runs that people start do. Any other id is searched for among the
newest runs of all jobs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import PermanentError
from provisioner.jobs import job_name_of
from provisioner.runs.keys import execution_name_of, is_trigger_id, started_at_of
from provisioner.runs.listing import RunsWanted
from provisioner.runs.model import time_of
from provisioner.service import all_runs, overview
from provisioner.service.run_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from provisioner.service.context import Service
    from provisioner.service.run_lines import RunLine

_ARN = re.compile(r"arn:[\w-]+:states:[\w-]*:\d*:execution:([\w.-]+):(\S{1,80})")
_JOB = r"(?:/?jobs/)?([a-z][a-z0-9-]{0,39})"
_RUN = (
    r"(?:manual|queue|dependency|backfill|schedule|missed)-[\w.-]{6,}|"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[\w-]+"
)
_OF_JOB = re.compile(rf"{_JOB}(?:/runs)?/([\w.-]{{1,80}})|{_JOB}[ .]({_RUN})")
_ID = re.compile(_RUN)
_TIME = re.compile(r"-(\d{8}T\d{6}Z)-")

_EARLIER, _LATER = timedelta(minutes=1), timedelta(minutes=2)
"""How far the time in an id may be from when the run began: clocks differ, and starts take time."""

_MOST = 10


@dataclass(frozen=True, slots=True)
class NamedRun:
    """A run that a text may name; `at` is when it began, "" if nobody has looked for it yet."""

    job_name: str
    run: str
    at: str = ""


def find(service: Service, text: str) -> tuple[NamedRun, ...]:
    """Return the runs that a text names, ten at most; two requests at most.

    A run whose job the text says is not looked for: its page does that.
    """
    if named := _ARN.fullmatch(text):
        job = job_name_of(service.outputs["Prefix"], named[1])
        return (NamedRun(job, named[2]),) if job else ()
    if is_trigger_id(text):
        began = time_of(started_at_of(text))
        return _exact(_begun_about(service, began), execution_name_of(text)) if began else ()
    if _ID.fullmatch(text):
        return _by_id(service, text)
    if named := _OF_JOB.fullmatch(text):
        return (NamedRun(named[1] or named[3], named[2] or named[4]),)
    return ()


def _by_id(service: Service, text: str) -> tuple[NamedRun, ...]:
    time = _TIME.search(text)
    began = time_of(time[1]) if time and not text.startswith("backfill-") else None
    if began is not None:
        return _exact(_begun_about(service, began), text)
    newest = overview.recent(service).runs
    return tuple(_found(run) for run in newest if run.run.startswith(text))[:_MOST]


def _begun_about(service: Service, time: datetime) -> Iterable[RunLine]:
    span = RunsWanted(since=time - _EARLIER, until=time + _LATER)
    try:
        found = all_runs.page(service, overview.MOST_RUNS, span)
    except PermanentError:  # there is no index of all runs yet
        return ()
    return map(line_of, found.runs)


def _exact(runs: Iterable[RunLine], name: str) -> tuple[NamedRun, ...]:
    return tuple(_found(run) for run in runs if run.run == name)


def _found(run: RunLine) -> NamedRun:
    return NamedRun(run.job_name, run.run, started_at_of(run.trigger_id))
