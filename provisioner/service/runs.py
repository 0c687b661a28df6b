"""Runs of a job: the last ones, how far one has come, and stopping one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError, InvalidCursorError, NotFoundError, PermanentError
from provisioner.runs import overlap
from provisioner.runs.keys import is_trigger_id
from provisioner.runs.listing import EVERY, RunsWanted
from provisioner.runs.model import FINAL, RunStatus
from provisioner.service import run_detail
from provisioner.service.audit import recorded
from provisioner.service.rights import Action
from provisioner.service.run_lines import RunLine, line_of

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.aws.executions import Started
    from provisioner.aws.items import Item
    from provisioner.service.context import Service

STOP_SEARCHES = 1000
"""The last runs of a job, among which the one that is open is searched for."""

_ROW_GRACE = timedelta(seconds=15)
"""How long after the end of an execution its row may still say RUNNING."""


def latest(
    service: Service,
    job_name: str,
    count: int,
    which: RunsWanted = EVERY,
) -> list[Item]:
    """Return a job's last runs, newest first.

    Raises
    ------
    NotFoundError
        If the job has neither a row nor a run.
    """
    found = service.triggers.latest(job_name, count, which)
    if not found:
        service.existing_row(job_name)
    return found


@dataclass(frozen=True, slots=True)
class JobRunsPage:
    """Runs of a job, newest first; `cursor` asks for those after them, None at the end."""

    runs: tuple[RunLine, ...]
    cursor: str | None


def page(
    service: Service,
    job_name: str,
    limit: int,
    which: RunsWanted = EVERY,
    *,
    cursor: str | None = None,
) -> JobRunsPage:
    """Return a job's next runs, at most `limit`, with one query.

    If not all that came in a span of time are wanted, a page may have fewer runs, or none, although
    it has a cursor.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    NotFoundError
        If the job has neither a row nor a run.
    """
    if cursor and not is_trigger_id(cursor):
        raise InvalidCursorError
    found, before = service.triggers.page(job_name, limit, which, before=cursor or "")
    if not found and not cursor:
        service.existing_row(job_name)
    return JobRunsPage(tuple(line_of(run) for run in found), before)


def execution_name(run: Item) -> str:
    """Return the name of a run's execution."""
    return str(run["trigger_id"].rpartition("#")[2])


def reason(run: Item) -> str:
    """Return why a run did not succeed, in one line; "" when it did."""
    parts = (run.get("error"), run.get("cause"))
    return " ".join(": ".join(str(part) for part in parts if part).split())


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run has come.

    Attributes
    ----------
    row
        The run's row; once it is `done` without one, what Step Functions says of the execution.
    ended_at
        When the execution was first seen to have ended while its row did not say so.
    """

    status: RunStatus
    row: Item
    done: bool = False
    ended_at: datetime | None = None


def run_state(
    service: Service, job_name: str, started: Started, before: RunState | None = None
) -> RunState:
    """Return how far a run has come; to be called again, with what it returned, until `done`.

    The row decides. If the execution has ended and the row does not say so
    within some seconds, the answer is what Step Functions says.
    """
    name = started.arn.rpartition(":")[2]
    row = service.triggers.find(job_name, name, started.started_at) or {}
    if row.get("status") == RunStatus.QUEUED:
        return RunState(RunStatus.QUEUED, row)
    if row.get("status") in FINAL:
        return RunState(RunStatus(row["status"]), row, done=True)
    arn = row.get("execution_arn", started.arn)  # another one, if the run was queued
    execution = service.executions.ended(job_name, arn)
    if execution is None:
        return RunState(RunStatus.RUNNING, row)
    now = service.clock()
    ended_at = (before and before.ended_at) or now
    if now - ended_at < _ROW_GRACE:
        return RunState(RunStatus.RUNNING, row, ended_at=ended_at)
    said = {"status": execution.status, "error": execution.error, "cause": execution.cause}
    return RunState(execution.status, said, done=True)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run that was to be stopped, and its status before."""

    run: str
    before: RunStatus | None


def stop(service: Service, job_name: str, run: str | None, reason: str) -> Stopped:
    """Stop a run: the one that is named, else the only one that runs, or else waits.

    Raises
    ------
    NotFoundError
        If there is no such run.
    ConflictError
        If its workflow has not recorded it yet.
    PermanentError
        If none is named and several are open.
    """
    found = run_detail.find(service, job_name, run) if run else _only_open(service, job_name)
    if found.get("status") == run_detail.STARTING:
        message = f"{run} is just starting: stop it in a moment"
        raise ConflictError(message)
    key = (job_name, str(found["trigger_id"]))
    with recorded(service, Action.STOP_RUN, job_name, run=execution_name(found), detail=reason):
        before = overlap.stop(
            service.triggers,
            service.executions,
            key,
            by=service.caller().label,
            reason=reason,
            now=service.clock(),
        )
    return Stopped(execution_name(found), before)


def _only_open(service: Service, job_name: str) -> Item:
    runs = list(service.triggers.last(job_name, STOP_SEARCHES))
    if not runs:
        service.existing_row(job_name)
    running = [run for run in runs if run.get("status") == RunStatus.RUNNING]
    open_runs = running or [run for run in runs if run.get("status") == RunStatus.QUEUED]
    match open_runs:
        case [run]:
            return run
        case []:
            message = f"no run of {job_name} is running or waiting"
            raise NotFoundError(message)
        case _:
            names = ", ".join(execution_name(run) for run in open_runs[:10])
            message = f"{len(open_runs)} runs are open; name one: {names}"
            raise PermanentError(message)
