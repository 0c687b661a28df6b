"""What somebody is told of a job: from a change of its rows to a message. Pure.

A change comes as a record of the Triggers or the Stacks table's stream. What has happened is read
off its images; whether the job wants it told is the Jobs row's to say (`wanted`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from provisioner.events import UnreadableError, of_stream_record
from provisioner.jobs import DEFAULT_EVENTS, Event, InvalidRow, Job
from provisioner.jobs.names import DEAD_LETTERS_ALARM
from provisioner.runs.model import RunStatus, time_of
from provisioner.settings import console_home
from provisioner.stacks.model import JobStatus

COMPARED_RUNS = 10
"""Succeeded runs that a run is compared with to see whether it was slow."""

_LEAST_COMPARED_RUNS = 3

_RUN_EVENTS = {
    RunStatus.RUNNING: Event.STARTED,
    RunStatus.SUCCEEDED: Event.SUCCEEDED,
    RunStatus.FAILED: Event.FAILED,
    RunStatus.TIMED_OUT: Event.TIMED_OUT,
    RunStatus.STOPPED: Event.STOPPED,
    RunStatus.SKIPPED: Event.SKIPPED,
}
_STACK_FAILED = (JobStatus.FAILED, JobStatus.INVALID)

_WORDS = {
    Event.STARTED: "has started",
    Event.SUCCEEDED: "succeeded",
    Event.FAILED: "failed",
    Event.TIMED_OUT: "timed out",
    Event.STOPPED: "was stopped",
    Event.SKIPPED: "was skipped",
    Event.QUEUED_TOO_LONG: "waits too long",
    Event.SLOW: "was slow",
    Event.STACK_FAILED: "does not follow its row",
}
_SEVERITIES = {
    Event.STARTED: "info",
    Event.SUCCEEDED: "info",
    Event.FAILED: "error",
    Event.TIMED_OUT: "error",
    Event.STOPPED: "warning",
    Event.SKIPPED: "warning",
    Event.QUEUED_TOO_LONG: "warning",
    Event.SLOW: "warning",
    Event.STACK_FAILED: "error",
}

_MAX_CHARACTERS = 4000
"""Of one text, so that a message stays far below SNS's 256 KiB."""

_MAX_SUBJECT_NAME = 60
"""Of the 100 characters that a subject may have (SNS, Publish)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that has happened to a job.

    `about` is the run's `trigger_id`, or which version of the Stacks row it is about; with the job
    and the event it makes `notice_id`, which is the same however often the same thing is told.
    `source` is what started the run, or `stack`. Times are ISO-8601 in UTC.
    """

    event: Event
    job_name: str
    about: str
    status: str
    source: str
    error: str | None = None
    cause: str | None = None
    scheduled_for: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: int | None = None
    attempts: int | None = None
    exit_code: int | None = None
    execution_arn: str | None = None
    log_url: str | None = None
    stack_id: str | None = None
    slack_channel: str | None = None

    @property
    def notice_id(self) -> str:
        """By which a receiver knows what it was told before."""
        return f"{self.job_name}/{self.about}/{self.event}"

    @property
    def severity(self) -> str:
        """`info`, `warning` or `error`."""
        return _SEVERITIES[self.event]

    @property
    def headline(self) -> str:
        """The whole of it in a few words."""
        return f"{_text(self.job_name)} {_WORDS[self.event]}"

    @property
    def facts(self) -> dict[str, str]:
        """What is known beyond the headline, by what people call it."""
        known = {
            "Status": self.status,
            "Source": self.source,
            "Scheduled for": self.scheduled_for,
            "Started": self.started_at,
            "Duration": None if self.duration_ms is None else duration(self.duration_ms),
            "Attempts": None if self.attempts is None else str(self.attempts),
            "Exit code": None if self.exit_code is None else str(self.exit_code),
            "Error": self.error,
        }
        return {name: value for name, value in known.items() if value}

    @property
    def links(self) -> dict[str, str]:
        """Where to look further, by what is there."""
        known = {
            "Execution": self.execution_arn and _execution_url(self.execution_arn),
            "Logs": self.log_url,
            "Stack": self.stack_id and _stack_url(self.stack_id),
        }
        return {name: url for name, url in known.items() if url}

    @property
    def attributes(self) -> dict[str, str]:
        """What subscribers filter by."""
        return {
            "event": self.event,
            "job_name": str(_text(self.job_name)),
            "status": self.status,
            "source": self.source,
            "severity": self.severity,
        }

    @property
    def subject(self) -> str:
        """Return the headline as SNS takes it: ASCII, one line.

        A job of an invalid row may be called anything.
        """
        name = self.job_name[:_MAX_SUBJECT_NAME]
        plain = "".join(c if c.isascii() and c.isprintable() and c != " " else "?" for c in name)
        return f"{plain} {_WORDS[self.event]}"

    @property
    def text(self) -> str:
        """For people who read mail."""
        facts = [f"{name + ':':<15}{value}" for name, value in self.facts.items()]
        links = [f"{name + ':':<15}{url}" for name, url in self.links.items()]
        parts = [self.headline, "\n".join(facts), self.cause, "\n".join(links), self.about]
        return "\n\n".join(part for part in parts if part) + "\n"

    def document(self) -> dict[str, Any]:
        """Return everything, for programs; `of_document` reads it."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            "notice_id": self.notice_id,
            "severity": self.severity,
            "headline": self.headline,
            **{name: value for name, value in own.items() if value is not None},
            "links": self.links,
        }


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change of state of an alarm that no run or stack accounts for, as on dead letters.

    `state` is ALARM, OK or INSUFFICIENT_DATA.
    """

    name: str
    state: str
    at: str
    description: str
    reason: str
    arn: str

    @property
    def headline(self) -> str:
        """The whole of it in a few words."""
        said = self.description or self.name
        return said if self.state == "ALARM" else f"{self.state}: {said}"

    @property
    def links(self) -> dict[str, str]:
        """Where to look further, by what is there."""
        url = _alarm_url(self.arn)
        return {"Alarm": url} if url else {}


_NUMBERS = frozenset({"duration_ms", "attempts", "exit_code"})
_REQUIRED = ("event", "job_name", "about", "status", "source")
_OPTIONAL = tuple(field.name for field in fields(Notice) if field.name not in _REQUIRED)


def of_document(document: object) -> Notice:
    """Return the notice that a document says.

    Raises
    ------
    UnreadableError
        If it is none.
    """
    if not isinstance(document, Mapping):
        raise UnreadableError(_NO_NOTICE)
    values: dict[str, Any] = {name: document.get(name) for name in (*_REQUIRED, *_OPTIONAL)}
    for name, value in values.items():
        kind = int if name in _NUMBERS else str
        if not (isinstance(value, kind) or (value is None and name in _OPTIONAL)):
            raise UnreadableError(_NO_NOTICE)
    if values["event"] not in set(Event):
        raise UnreadableError(_NO_NOTICE)
    return Notice(**values | {"event": Event(values["event"])})


def of_text(text: str, prefix: str) -> Notice | Alarm | None:
    """Return what a message of the topic tells, None when it has been told otherwise.

    Parameters
    ----------
    text
        A notice's document, or what CloudWatch publishes when an alarm changes its state.
    prefix
        The bootstrap's: so begin the names of the alarms that are its own.

    Raises
    ------
    UnreadableError
        If it is neither.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(_NO_NOTICE) from error
    match document:
        case {"AlarmName": str(name), "NewStateValue": str(state), "StateChangeTime": str(at)}:
            if not (name.startswith(f"{prefix}-Provisioner-") or name.endswith(DEAD_LETTERS_ALARM)):
                return None  # of a job's runs, each of which has its notice
            texts = (
                document.get(key) for key in ("AlarmDescription", "NewStateReason", "AlarmArn")
            )
            return Alarm(name, state, at, *(_text(text) or "" for text in texts))
        case _:
            return of_document(document)


_NO_NOTICE = "a notice is an object with event, job_name, about, status and source"


def of_record(record: object) -> Notice | None:
    """Return what a stream record tells of, None when that is nothing.

    Raises
    ------
    UnreadableError
        If it names no job.
    """
    job_name = of_stream_record(record)
    match record:
        case {"dynamodb": {"Keys": keys, "NewImage": Mapping() as image, **others}}:
            row = _plain({"M": image})
            before = _plain({"M": others.get("OldImage") or {}})
        case _:  # it was removed
            return None
    if row.get("status") == before.get("status"):
        return None
    if "trigger_id" in keys:
        return _of_run(job_name, str(_plain(keys["trigger_id"])), row)
    return _of_stack(job_name, row)


def _plain(value: object) -> Any:  # noqa: ANN401
    """Return a value of a stream image as far as rows of ours go."""
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


def _of_run(job_name: str, trigger_id: str, row: Mapping[str, Any]) -> Notice | None:
    status = row.get("status")
    if trigger_id.startswith("#") or status not in set(_RUN_EVENTS):
        return None
    return _run_notice(_RUN_EVENTS[RunStatus(status)], job_name, trigger_id, row)


def _run_notice(event: Event, job_name: str, trigger_id: str, row: Mapping[str, Any]) -> Notice:
    values: dict[str, Any] = {name: _text(row.get(name)) for name in _RUN_TEXTS}
    values |= {name: _number(row.get(name)) for name in _NUMBERS}
    source = _text(row.get("source")) or "unknown"
    return Notice(event, job_name, trigger_id, str(row["status"]), source, **values)


_RUN_TEXTS = (
    *("error", "cause", "scheduled_for", "started_at", "ended_at"),
    *("execution_arn", "log_url"),
)


def _of_stack(job_name: str, row: Mapping[str, Any]) -> Notice | None:
    status = row.get("status")
    if status not in _STACK_FAILED:
        return None
    failure = _members(row.get("failure"))
    errors = [_members(error) for error in row.get("errors") or ()]
    said = [f"{each.get('field')}: {each.get('message')}" for each in errors]
    failed = status == JobStatus.FAILED
    return Notice(
        Event.STACK_FAILED,
        job_name,
        f"stack#{row.get('updated_at')}#{row.get('version')}",
        status=str(status),
        source="stack",
        error=_text(failure.get("resource")) if failed else None,
        cause=_text(failure.get("reason") if failed else "\n".join(said)),
        stack_id=_text(row.get("stack_id")),
    )


def wanted(notice: Notice, job: Job | InvalidRow | None) -> Notice | None:
    """Return a notice as the job wants it told, None when it does not.

    A job whose row is gone, or says nothing that can be read, tells what jobs tell by default.
    """
    if job is None or isinstance(job, InvalidRow):
        return notice if notice.event in DEFAULT_EVENTS else None
    return replace(notice, slack_channel=job.slack_channel) if notice.event in job.notify else None


def slow(succeeded: Notice, slow_percent: int, durations_ms: Sequence[int]) -> Notice | None:
    """Return that a run took much longer than those before it, None when it did not.

    Fewer than three say nothing about what is usual.
    """
    took = succeeded.duration_ms
    if took is None or len(durations_ms) < _LEAST_COMPARED_RUNS:
        return None
    mean = sum(durations_ms) / len(durations_ms)
    if not mean or took * 100 < mean * (100 + slow_percent):
        return None
    cause = (
        f"It took {duration(took)}, {(took / mean - 1) * 100:.0f} % longer than the mean of the "
        f"{len(durations_ms)} successful runs before it, {duration(mean)}."
    )
    return replace(succeeded, event=Event.SLOW, cause=cause)


def queued_too_long(run: Mapping[str, Any], alert_minutes: int, now: datetime) -> Notice | None:
    """Return that a QUEUED run waits for too long, None when it does not yet."""
    since = str(run.get("queued_at") or run["started_at"])
    moment = time_of(since)
    if moment is None or now - moment < timedelta(minutes=alert_minutes):
        return None
    notice = _run_notice(Event.QUEUED_TOO_LONG, run["job_name"], run["trigger_id"], run)
    cause = f"It has waited since {since}, longer than {alert_minutes} min."
    return replace(notice, cause=cause)


def duration(milliseconds: float) -> str:
    """Return a duration as people say it."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    """Return a text cut to size, without what no message may hold."""
    if not isinstance(value, str):
        return None
    cut = value if len(value) <= _MAX_CHARACTERS else value[: _MAX_CHARACTERS - 1] + "…"
    return "".join(c if c.isprintable() or c in "\t\n" else "�" for c in cut) or None


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | Decimal) else None


def _execution_url(arn: str) -> str | None:
    match arn.split(":", 4):
        case [_, partition, _, region, _]:
            home = console_home(partition, region, "states")
            return f"{home}#/v2/executions/details/{quote(arn, safe=':')}"
        case _:
            return None


def _stack_url(arn: str) -> str | None:
    match arn.split(":", 4):
        case [_, partition, _, region, _]:
            home = console_home(partition, region, "cloudformation")
            return f"{home}#/stacks/stackinfo?stackId={quote(arn, safe='')}"
        case _:
            return None


def _alarm_url(arn: str) -> str | None:
    match arn.split(":", 6):
        case [_, partition, _, region, _, _, name]:
            home = console_home(partition, region, "cloudwatch")
            return f"{home}#alarmsV2:alarm/{quote(name, safe='')}"
        case _:
            return None
