"""Which events of a job are published, and to which Slack channel."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.jobs.errors import invalid
from provisioner.jobs.values import choice, each, text_list

if TYPE_CHECKING:
    from provisioner.jobs.deploy import Deploy


class Event(StrEnum):
    """What can happen to a job that is worth a notification."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    QUEUED_TOO_LONG = "queued_too_long"
    SLOW = "slow"
    STACK_FAILED = "stack_failed"
    CANARY_PASSED = "canary_passed"
    ROLLED_BACK = "rolled_back"


DEFAULT_EVENTS = (
    *(Event.FAILED, Event.TIMED_OUT, Event.STACK_FAILED, Event.QUEUED_TOO_LONG),
    Event.ROLLED_BACK,
)

# Slack, "Channel names": lower case, no spaces or punctuation, at most 80 characters, any language.
_CHANNEL = re.compile(r"#[\w.-]{1,80}|[CDGU][A-Z0-9]{7,20}")


def events(value: object) -> tuple[Event, ...]:
    """Check a list of events; a lone one is a list of it."""
    check = choice(tuple(Event))
    if isinstance(value, str):
        return (Event(check(value)),)
    named = ((f"[{index}]", name) for index, name in enumerate(text_list(value)))
    return tuple(Event(name) for name in dict.fromkeys(each(named, check)))


def default_events(slow_percent: int | None, deploy: Deploy | None) -> tuple[Event, ...]:
    """Return the events of a job whose row names none: what went wrong, and what the row asks for.

    That is `slow` if it sets a limit, and `canary_passed` if it has a canary.
    """
    slow = () if slow_percent is None else (Event.SLOW,)
    canary = (Event.CANARY_PASSED,) if deploy and deploy.canary else ()
    return (*DEFAULT_EVENTS, *slow, *canary)


def channel(value: object) -> str:
    """Check a Slack channel: `#name`, or an id."""
    if isinstance(value, str) and _CHANNEL.fullmatch(value) and (value[0] != "#" or _low(value)):
        return value
    raise invalid('must be a Slack channel, "#name" in lower case or an id like "C024BE91L"')


def _low(name: str) -> bool:
    return name == name.lower()
