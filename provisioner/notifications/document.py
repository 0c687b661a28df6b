"""A notification as the JSON document that the topic gets, and read back from it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from provisioner.events import UnreadableError
from provisioner.jobs import Event
from provisioner.jobs.names import DEAD_LETTERS_ALARM
from provisioner.notifications import text
from provisioner.notifications.model import Alarm, Notification

_NUMBERS = frozenset({"duration_ms", "attempts", "exit_code"})
_REQUIRED = ("event", "job_name", "about", "status", "source")
_OPTIONAL = tuple(field.name for field in fields(Notification) if field.name not in _REQUIRED)

_NOT_A_NOTIFICATION = "a notification is an object with event, job_name, about, status and source"


def to_document(notification: Notification) -> dict[str, Any]:
    """Return everything that is known, for programs; `of_document` reads it."""
    own = {field.name: getattr(notification, field.name) for field in fields(notification)}
    return {
        "notification_id": notification.notification_id,
        "severity": notification.severity,
        "headline": text.headline(notification),
        **{name: value for name, value in own.items() if value is not None},
        "links": text.links(notification),
    }


def attributes(notification: Notification) -> dict[str, str]:
    """Return the message attributes by which subscribers filter."""
    return {
        "event": notification.event,
        "job_name": str(text.printable(notification.job_name)),
        "status": notification.status,
        "source": notification.source,
        "severity": notification.severity,
    }


def of_document(document: object) -> Notification:
    """Return the notification in a document.

    Raises
    ------
    UnreadableError
        If it is not a notification.
    """
    if not isinstance(document, Mapping):
        raise UnreadableError(_NOT_A_NOTIFICATION)
    values: dict[str, Any] = {name: document.get(name) for name in (*_REQUIRED, *_OPTIONAL)}
    for name, value in values.items():
        kind = int if name in _NUMBERS else str
        if not (isinstance(value, kind) or (value is None and name in _OPTIONAL)):
            raise UnreadableError(_NOT_A_NOTIFICATION)
    if values["event"] not in set(Event):
        raise UnreadableError(_NOT_A_NOTIFICATION)
    return Notification(**values | {"event": Event(values["event"])})


def of_message(body: str, prefix: str) -> Notification | Alarm | None:
    """Return what a message of the topic is about, None when a notification covers it already.

    Parameters
    ----------
    body
        A notification's document, or what CloudWatch publishes when an alarm changes its state.
    prefix
        The bootstrap's; the names of its own alarms begin with it.

    Raises
    ------
    UnreadableError
        If it is neither.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(_NOT_A_NOTIFICATION) from error
    match message:
        case {"AlarmName": str(name), "NewStateValue": str(state), "StateChangeTime": str(at)}:
            if not (name.startswith(f"{prefix}-Provisioner-") or name.endswith(DEAD_LETTERS_ALARM)):
                return None  # of a job's runs, each of which has its own notification
            keys = ("AlarmDescription", "NewStateReason", "AlarmArn")
            texts = (text.printable(message.get(key)) or "" for key in keys)
            return Alarm(name, state, at, *texts)
        case _:
            return of_document(message)
