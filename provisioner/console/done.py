"""What was done, which the page after it says once: a cookie has the name of the action. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.console import cookies
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COOKIE = "__Host-done"
_SECONDS = 60

SENTENCES: Mapping[Action, str] = MappingProxyType(
    {
        Action.START_RUN: "The run was started.",
        Action.STOP_RUN: "The run is being stopped.",
        Action.PAUSE_SCHEDULE: "The schedule is paused.",
        Action.RESUME_SCHEDULE: "The schedule is resumed.",
        Action.RETRY_JOB: "Earlier failures are forgotten; the stack is updated in a moment.",
        Action.UNPIN: "The pin is removed; the newest code is being deployed.",
        Action.START_BUILD: "The build is queued.",
        Action.CREATE_ROW: "The row is saved; its stack is created in a moment.",
        Action.UPDATE_ROW: "The row is saved; its stack is updated in a moment.",
        Action.DELETE_ROW: "The row is removed; its stack is deleted in a moment.",
        Action.CONFIRM_DELETION: "The deletion is confirmed; the stack is deleted in a moment.",
        Action.RESTORE_VERSION: "The version is restored; the stack is updated in a moment.",
        Action.ROLL_BACK: "The row is rolled back; the stack is updated in a moment.",
        Action.REDRIVE_DEAD_LETTERS: "The selected messages are being processed again.",
        Action.DISCARD_DEAD_LETTERS: "The selected messages are discarded.",
        Action.START_UPGRADE: "The upgrade was started.",
        Action.RESUME_UPGRADE: "The upgrade was resumed.",
        Action.ABORT_UPGRADE: "The upgrade was aborted.",
    }
)
"""After which actions; those that are done in steps have pages of their own."""


def note(action: Action) -> tuple[str, ...]:
    """Return the cookies by which the next page says what was done."""
    return (cookies.cookie(_COOKIE, action, _SECONDS),) if action in SENTENCES else ()


def said(sent: Iterable[str]) -> str:
    """Return what a page has to say, "" if nothing was done."""
    found = cookies.value_of(sent, _COOKIE)
    return next((text for action, text in SENTENCES.items() if action == found), "")


FORGOTTEN = cookies.forget(_COOKIE)
"""The cookie of a page that has said it."""
