"""Notifications and alarms in words: headlines, facts, mails and links. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from provisioner.jobs import Event
from provisioner.settings import console_home

if TYPE_CHECKING:
    from provisioner.notifications.model import Alarm, Notification

_WHAT_HAPPENED = {
    Event.STARTED: "has started",
    Event.SUCCEEDED: "succeeded",
    Event.FAILED: "failed",
    Event.TIMED_OUT: "timed out",
    Event.STOPPED: "was stopped",
    Event.SKIPPED: "was skipped",
    Event.QUEUED_TOO_LONG: "waits too long",
    Event.SLOW: "was slow",
    Event.STACK_FAILED: "does not follow its row",
    Event.CANARY_PASSED: "passed its canary",
    Event.ROLLED_BACK: "was rolled back",
}

_MAX_CHARACTERS = 4000
"""Of one text, so that a message stays far below SNS's 256 KiB."""

_MAX_SUBJECT_NAME = 60
"""Of the 100 characters that a subject may have (SNS, Publish)."""


def printable(value: object) -> str | None:
    """Return a text cut to size and without control characters; None when it is empty or no text.

    What is left can be part of any message.
    """
    if not isinstance(value, str):
        return None
    cut = value if len(value) <= _MAX_CHARACTERS else value[: _MAX_CHARACTERS - 1] + "…"
    return "".join(c if c.isprintable() or c in "\t\n" else "�" for c in cut) or None


def headline(notification: Notification) -> str:
    """Return what has happened, in a few words."""
    return f"{printable(notification.job_name)} {_WHAT_HAPPENED[notification.event]}"


def alarm_headline(alarm: Alarm) -> str:
    """Return what has happened, in a few words."""
    words = alarm.description or alarm.name
    return words if alarm.state == "ALARM" else f"{alarm.state}: {words}"


def facts(notification: Notification) -> dict[str, str]:
    """Return what is known beyond the headline, by its label."""
    known = {
        "Status": notification.status,
        "Source": notification.source,
        "Scheduled for": notification.scheduled_for,
        "Started": notification.started_at,
        "Duration": None
        if notification.duration_ms is None
        else duration(notification.duration_ms),
        "Attempts": None if notification.attempts is None else str(notification.attempts),
        "Exit code": None if notification.exit_code is None else str(notification.exit_code),
        "Error": notification.error,
    }
    return {label: value for label, value in known.items() if value}


def links(notification: Notification) -> dict[str, str]:
    """Return pages of the AWS console about the run or stack, by label."""
    known = {
        "Execution": notification.execution_arn and _execution_url(notification.execution_arn),
        "Logs": notification.log_url,
        "Stack": notification.stack_id and _stack_url(notification.stack_id),
    }
    return {label: url for label, url in known.items() if url}


def alarm_links(alarm: Alarm) -> dict[str, str]:
    """Return the alarm's page of the AWS console, by label."""
    url = _alarm_url(alarm.arn)
    return {"Alarm": url} if url else {}


def subject(notification: Notification) -> str:
    """Return the headline as SNS accepts it: ASCII, one line.

    The name of a job with an invalid row can be any text.
    """
    name = notification.job_name[:_MAX_SUBJECT_NAME]
    plain = "".join(c if c.isascii() and c.isprintable() and c != " " else "?" for c in name)
    return f"{plain} {_WHAT_HAPPENED[notification.event]}"


def mail(notification: Notification) -> str:
    """Return the text of a mail."""
    about = [f"{label + ':':<15}{value}" for label, value in facts(notification).items()]
    pages = [f"{label + ':':<15}{url}" for label, url in links(notification).items()]
    parts = [
        headline(notification),
        "\n".join(about),
        notification.cause,
        "\n".join(pages),
        notification.about,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def duration(milliseconds: float) -> str:
    """Return a duration as people say it: `1.2 s`, `3 min 5 s`, `25 h 1 min`."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


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
