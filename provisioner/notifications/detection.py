"""What has happened to a job, read off a change of its rows. Pure.

A change comes as a record of the Triggers or the Stacks table's stream; its images say what has
happened. Whether the job wants a notification of it is up to the job's row (`wanted`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from provisioner.events import of_stream_record
from provisioner.jobs import DEFAULT_EVENTS, Event, InvalidRow, Job
from provisioner.notifications.model import Notification
from provisioner.notifications.text import duration, printable
from provisioner.runs.model import RunStatus, time_of
from provisioner.stacks.model import Cause, JobStatus

COMPARED_RUNS = 10
"""Succeeded runs that a run is compared with to find out whether it was slow."""

_MIN_COMPARED_RUNS = 3
"""Fewer say nothing about what is usual."""

_RUN_EVENTS = {
    RunStatus.RUNNING: Event.STARTED,
    RunStatus.SUCCEEDED: Event.SUCCEEDED,
    RunStatus.FAILED: Event.FAILED,
    RunStatus.TIMED_OUT: Event.TIMED_OUT,
    RunStatus.STOPPED: Event.STOPPED,
    RunStatus.SKIPPED: Event.SKIPPED,
}
_STACK_FAILED = (JobStatus.FAILED, JobStatus.INVALID)

_RUN_TEXTS = (
    *("error", "cause", "scheduled_for", "started_at", "ended_at"),
    *("execution_arn", "log_url"),
)
_RUN_NUMBERS = ("duration_ms", "attempts", "exit_code")


def of_record(record: object) -> Notification | None:
    """Return what a stream record says has happened, None when that is nothing of interest.

    Raises
    ------
    UnreadableError
        If it does not name a job.
    """
    job_name = of_stream_record(record)
    match record:
        case {"dynamodb": {"Keys": keys, "NewImage": Mapping() as image, **others}}:
            row = _plain({"M": image})
            before = _plain({"M": others.get("OldImage") or {}})
        case _:  # it was removed
            return None
    is_same = row.get("status") == before.get("status")
    if "trigger_id" in keys:
        return None if is_same else _of_run(job_name, str(_plain(keys["trigger_id"])), row)
    failed = None if is_same else _of_stack(job_name, row)
    return failed or _of_deployment(job_name, row, before)


def wanted(notification: Notification, job: Job | InvalidRow | None) -> Notification | None:
    """Return a notification with the job's Slack channel, None when the job does not want it.

    A job whose row is gone or invalid has the default notifications.
    """
    if job is None or isinstance(job, InvalidRow):
        return notification if notification.event in DEFAULT_EVENTS else None
    return (
        replace(notification, slack_channel=job.slack_channel)
        if notification.event in job.notify
        else None
    )


def slow(
    succeeded: Notification, slow_percent: int, durations_ms: Sequence[int]
) -> Notification | None:
    """Return the notification that a run took much longer than those before it, or None."""
    took = succeeded.duration_ms
    if took is None or len(durations_ms) < _MIN_COMPARED_RUNS:
        return None
    mean = sum(durations_ms) / len(durations_ms)
    if not mean or took * 100 < mean * (100 + slow_percent):
        return None
    cause = (
        f"It took {duration(took)}, {(took / mean - 1) * 100:.0f} % longer than the mean of the "
        f"{len(durations_ms)} successful runs before it, {duration(mean)}."
    )
    return replace(succeeded, event=Event.SLOW, cause=cause)


def canary_passed(
    succeeded: Notification, deployment: int, passed_by: str | None, count: int
) -> Notification | None:
    """Return the notification that a new deployment stays, if a run was the last that it needed.

    Parameters
    ----------
    passed_by
        The `trigger_id` of the run by which the canary has passed, None if it has not.
    """
    if passed_by != succeeded.about:
        return None
    runs = f"the first {count} runs have" if count > 1 else "the first run has"
    cause = f"Deployment {deployment} stays: {runs} succeeded."
    return replace(succeeded, event=Event.CANARY_PASSED, cause=cause)


def queued_too_long(
    run: Mapping[str, Any], alert_minutes: int, now: datetime
) -> Notification | None:
    """Return the notification that a QUEUED run has waited too long, or None."""
    since = str(run.get("queued_at") or run["started_at"])
    moment = time_of(since)
    if moment is None or now - moment < timedelta(minutes=alert_minutes):
        return None
    notification = _run_notification(Event.QUEUED_TOO_LONG, run["job_name"], run["trigger_id"], run)
    cause = f"It has waited since {since}, longer than {alert_minutes} min."
    return replace(notification, cause=cause)


def _of_run(job_name: str, trigger_id: str, row: Mapping[str, Any]) -> Notification | None:
    status = row.get("status")
    if trigger_id.startswith("#") or status not in set(_RUN_EVENTS):
        return None
    return _run_notification(_RUN_EVENTS[RunStatus(status)], job_name, trigger_id, row)


def _run_notification(
    event: Event, job_name: str, trigger_id: str, row: Mapping[str, Any]
) -> Notification:
    values: dict[str, Any] = {name: printable(row.get(name)) for name in _RUN_TEXTS}
    values |= {name: _number(row.get(name)) for name in _RUN_NUMBERS}
    source = printable(row.get("source")) or "unknown"
    return Notification(event, job_name, trigger_id, str(row["status"]), source, **values)


def _of_stack(job_name: str, row: Mapping[str, Any]) -> Notification | None:
    status = row.get("status")
    if status not in _STACK_FAILED:
        return None
    failure = _members(row.get("failure"))
    errors = [_members(error) for error in row.get("errors") or ()]
    lines = [f"{each.get('field')}: {each.get('message')}" for each in errors]
    failed = status == JobStatus.FAILED
    return Notification(
        Event.STACK_FAILED,
        job_name,
        f"stack#{row.get('updated_at')}#{row.get('version')}",
        status=str(status),
        source="stack",
        error=printable(failure.get("resource")) if failed else None,
        cause=printable(failure.get("reason") if failed else "\n".join(lines)),
        stack_id=printable(row.get("stack_id")),
    )


def _of_deployment(
    job_name: str, row: Mapping[str, Any], before: Mapping[str, Any]
) -> Notification | None:
    """Return the notification that a job runs what it ran earlier, if that is new."""
    known = [_members(each) for each in _list(row.get("deployments"))]
    newest = known[0] if known else {}
    number = _number(newest.get("number"))
    last = _members(next(iter(_list(before.get("deployments"))), None))
    if newest.get("cause") != Cause.ROLLBACK or number == _number(last.get("number")):
        return None
    same = (each for each in known[1:] if each.get("digest") == newest.get("digest"))
    former = _number(next(same, {}).get("number"))
    what = f"what deployment {former} ran" if former else "what it ran before"
    code = printable(newest.get("artifact"))
    return Notification(
        Event.ROLLED_BACK,
        job_name,
        f"stack#{row.get('updated_at')}#{row.get('version')}",
        status=str(row.get("status")),
        source="stack",
        cause=f"Deployment {number} runs {what}{f': {code}' if code else ''}",
        stack_id=printable(row.get("stack_id")),
    )


def _plain(value: object) -> Any:  # noqa: ANN401
    """Return a value of a stream image, of the types that our rows have."""
    match value:
        case {"S": str(text)}:
            return text
        case {"N": str(number)}:
            return int(float(number))
        case {"M": Mapping() as members}:
            return {name: _plain(member) for name, member in members.items()}
        case {"L": list(items)}:
            return [_plain(item) for item in items]
        case _:
            return None


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | Decimal) else None
