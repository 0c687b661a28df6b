"""Reading a row whatever it holds: no row may raise, or take the time of its neighbours.

`jobs.parse` is linear and raises nothing. This holds when that is wrong some day: what a row costs
is bounded, and the error says why the row is refused.
"""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.errors import TimeLimitError
from provisioner.jobs import FieldError, InvalidRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.jobs import Job
    from provisioner.settings import Allowed

_log = logging.getLogger(__name__)

ROW_SECONDS = 2.0
"""Of processor time, to understand one row; a row of 400 KB takes less than a tenth of one."""

ROWS_AT_ONCE = 10
"""While it is read, a row of 400 KB can take 85 MB of a function's 1,024."""

_AGAIN_SECONDS = 0.1
_SHOWN_CHARACTERS = 200


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raise TimeLimitError inside the block when it has used so much processor time.

    Waiting for an answer costs none. Only the main thread can be interrupted, which is where Lambda
    runs a handler; in others there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        message = f"it takes more than {seconds:g} seconds of processor time"
        raise TimeLimitError(message)

    handler = signal.signal(signal.SIGPROF, stop)
    # The signal repeats: code that catches the first one must not run forever.
    left, interval = signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    finally:  # it may have come right before the line above
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        if left:
            signal.setitimer(signal.ITIMER_PROF, left, interval)


def few(job_names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names, each once, as many at a time as rows may be held in memory together."""
    names = list(dict.fromkeys(job_names))
    for first in range(0, len(names), ROWS_AT_ONCE):
        yield names[first : first + ROWS_AT_ONCE]


def parse(row: Mapping[str, object], allowed: Allowed | None = None) -> Job | InvalidRow:
    """Return what `jobs.parse` makes of a row; one over which it fails is InvalidRow with that.

    With `allowed` the row is held to the bootstrap's parameters, too.
    """
    try:
        with processor_time(ROW_SECONDS):
            job = jobs.parse(row)
            return jobs.permitted(job, allowed) if allowed else job
    except Exception as error:  # noqa: BLE001  (whatever it is, it is this row's alone)
        why = str(error) if isinstance(error, TimeLimitError) else repr(error)
    message = f"The row cannot be checked: {why[:_SHOWN_CHARACTERS]}"
    return InvalidRow(_name(row), (FieldError("", message),))


def row_digest(row: Mapping[str, object], parsed: Job | InvalidRow) -> str:
    """Return the row's digest; "", which no record has, of a row of which none can be made."""
    try:
        with processor_time(ROW_SECONDS):
            return jobs.row_digest(row, parsed)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is this row's alone)
        # What the error says may have values of the row.
        job_name, kind = _name(row), type(error).__name__
        about = {"job_name": job_name}
        _log.warning("the row of %s has no digest: %s", job_name, kind, extra=about)
        return ""


def _name(row: Mapping[str, object]) -> str:
    name = row.get("job_name")
    return name if isinstance(name, str) else ""
