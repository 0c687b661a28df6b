"""Waiting for the end of a run, and showing it."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from rich.text import Text

from provisioner.cli import documents, logs, progress
from provisioner.cli.display import duration, hint, say, stderr, stdout
from provisioner.cli.exits import OF_RUN
from provisioner.runs.model import RunStatus
from provisioner.runs.remedies import what_to_do
from provisioner.service.context import Item, Service
from provisioner.service.logs import LogEvent, RunTail
from provisioner.service.progress import Progress
from provisioner.service.runs import RunState, reason, run_state
from provisioner.service.start_run import StartedRun

_QUIET_SECONDS = 3.0
_LATEST_SECONDS = 20.0
"""Lines are late by a second or two: they have all come when none has for so long, or at last."""


@dataclass(slots=True)
class Watch:
    """One run, from its start to its end.

    Attributes
    ----------
    log_group
        Where its lines are printed from as they come; None not to.
    """

    service: Service
    job_name: str
    started: StartedRun
    log_group: str | None = None
    _tail: RunTail | None = None
    _state: RunState | None = None
    _pending: object = None
    _said_to_wait: bool = False

    def wait(self, timeout_seconds: float, goes_on: str) -> Item:
        """Return the run's row once it says how it ended, or what Step Functions says of it."""
        progress.wait(self._progress, timeout_seconds, goes_on, live=self.log_group is None)
        row = self._state.row if self._state else {}
        if self._tail is not None:
            print_late(partial(self._tail.new, row))
        return row

    def _progress(self) -> dict[str, Progress]:
        state = run_state(self.service, self.job_name, self.started.execution, self._state)
        self._state = state
        self._say_why_it_waits(state)
        if state.status is not RunStatus.QUEUED:
            self._print_new(state.row)
        succeeded = state.status is RunStatus.SUCCEEDED
        return {self.job_name: Progress(state.status, done=state.done, succeeded=succeeded)}

    def _say_why_it_waits(self, state: RunState) -> None:
        """Say once, and again when it changes, why the work of a running run has not begun."""
        pending = state.row.get("pending_reason") if state.status is RunStatus.RUNNING else None
        if pending and pending != self._pending and self.log_group is not None:
            hint(f"{self.job_name} {pending}")
        self._pending = pending

    def _print_new(self, row: Item) -> None:
        if self.log_group is None or "started_at" not in row:
            return
        if self._tail is None:
            self._tail = RunTail(self.service, self.job_name, row)
        for event in self._tail.new(row):
            logs.show(event)
        if self._tail.holds_back and not self._said_to_wait:
            self._said_to_wait = True
            hint("Other runs are in progress, too: further lines come when this one has ended.")


def print_late(
    new: Callable[[], Iterable[LogEvent]],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Print the lines that come after the end, until no more do."""
    last = began = now()
    while now() - last < _QUIET_SECONDS and now() - began < _LATEST_SECONDS:
        for event in new():
            logs.show(event)
            last = now()
        sleep(logs.POLL_SECONDS)


def show(run: Item, *, followed: bool) -> None:
    """Print how a run ended, and its output: to stdout, unless its lines are there."""
    code = f", exit code {run['exit_code']}" if "exit_code" in run else ""
    hint(f"Took {duration(run.get('duration_ms'))}{code}.")
    if why := reason(run):
        say(Text(why, "red"))
    if to_do := what_to_do(run.get("error"), run.get("cause")):
        hint(to_do)
    if output := run.get("output"):
        (stderr() if followed else stdout()).print(_pretty(output), soft_wrap=True)


def exit_code(run: Item, *, followed: bool) -> int:
    """Return what to exit with: the container's own code if one was watched, else the status's."""
    status = RunStatus(run["status"])
    own = int(run.get("exit_code", 0))
    if followed and status is not RunStatus.SUCCEEDED and own in range(1, 256):
        return own
    return OF_RUN[status]


def _pretty(output: str) -> str:
    """Return JSON on several lines, anything else (the URI of a large output) as it is."""
    try:
        return documents.as_json(json.loads(output))
    except ValueError:
        return output
