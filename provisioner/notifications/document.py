"""A notice as the JSON document that is published to the topic, and read back from it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from provisioner.events import UnreadableError
from provisioner.jobs import Event
from provisioner.jobs.names import DEAD_LETTERS_ALARM
from provisioner.notifications import text
from provisioner.notifications.model import Alarm, Notice

_NUMBERS = frozenset({"duration_ms", "attempts", "exit_code"})
_REQUIRED = ("event", "job_name", "about", "status", "source")
_OPTIONAL = tuple(field.name for field in fields(Notice) if field.name not in _REQUIRED)

_NOT_A_NOTICE = "a notice is an object with event, job_name, about, status and source"


def to_document(notice: Notice) -> dict[str, Any]:
    """Return everything that is known, for programs; `of_document` reads it."""
    own = {field.name: getattr(notice, field.name) for field in fields(notice)}
    return {
        "notification_id": notice.notification_id,
        "severity": notice.severity,
        "headline": text.headline(notice),
        **{name: value for name, value in own.items() if value is not None},
        "links": text.links(notice),
    }


def attributes(notice: Notice) -> dict[str, str]:
    """Return the message attributes by which subscribers filter."""
    return {
        "event": notice.event,
        "job_name": str(text.printable(notice.job_name)),
        "status": notice.status,
        "source": notice.source,
        "severity": notice.severity,
    }


def of_document(document: object) -> Notice:
    """Return the notice in a document.

    Raises
    ------
    UnreadableError
        If it is not a notice.
    """
    if not isinstance(document, Mapping):
        raise UnreadableError(_NOT_A_NOTICE)
    values: dict[str, Any] = {name: document.get(name) for name in (*_REQUIRED, *_OPTIONAL)}
    for name, value in values.items():
        kind = int if name in _NUMBERS else str
        if not (isinstance(value, kind) or (value is None and name in _OPTIONAL)):
            raise UnreadableError(_NOT_A_NOTICE)
    if values["event"] not in set(Event):
        raise UnreadableError(_NOT_A_NOTICE)
    return Notice(**values | {"event": Event(values["event"])})


def of_message(body: str, prefix: str) -> Notice | Alarm | None:
    """Return what a message of the topic is about, None when a notice covers it already.

    Parameters
    ----------
    body
        A notice's document, or what CloudWatch publishes when an alarm changes its state.
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
        raise UnreadableError(_NOT_A_NOTICE) from error
    match message:
        case {"AlarmName": str(name), "NewStateValue": str(state), "StateChangeTime": str(at)}:
            if not (name.startswith(f"{prefix}-Provisioner-") or name.endswith(DEAD_LETTERS_ALARM)):
                return None  # of a job's runs, each of which has its own notice
            keys = ("AlarmDescription", "NewStateReason", "AlarmArn")
            texts = (text.printable(message.get(key)) or "" for key in keys)
            return Alarm(name, state, at, *texts)
        case _:
            return of_document(message)
