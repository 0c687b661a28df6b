"""A notification as a Slack message, in Block Kit. Pure.

Limits are Block Kit's (Slack, "Reference: blocks"): 150 characters of a header, 3,000 of a
section's text, 2,000 of a field, 10 fields. Of the 50 blocks of a message, five are used at most.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from provisioner.jobs import Event
from provisioner.notifications.text import alarm_headline, alarm_links, facts, headline, links
from provisioner.plain_text import cleaned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.notifications.model import Alarm, Notification

_MAX_HEADER = 150
_MAX_SECTION = 3000
_MAX_FIELD = 2000
_MAX_FIELDS = 10
_MAX_CONTEXT = 2000

_EMOJI = {
    Event.STARTED: ":arrow_forward:",
    Event.SUCCEEDED: ":white_check_mark:",
    Event.FAILED: ":x:",
    Event.TIMED_OUT: ":alarm_clock:",
    Event.STOPPED: ":octagonal_sign:",
    Event.SKIPPED: ":fast_forward:",
    Event.QUEUED_TOO_LONG: ":hourglass_flowing_sand:",
    Event.SLOW: ":turtle:",
    Event.STACK_FAILED: ":building_construction:",
    Event.CANARY_PASSED: ":hatching_chick:",
    Event.ROLLED_BACK: ":rewind:",
}
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FENCE = "```"


def alarm_message(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as `message` returns a notification."""
    title = f"{':rotating_light:' if alarm.state == 'ALARM' else ':bell:'} {alarm_headline(alarm)}"
    pages = alarm_links(alarm)
    blocks = [
        _header(title),
        *([_cause(alarm.reason)] if alarm.reason else []),
        *([_links(pages)] if pages else []),
        {"type": "context", "elements": [_plain(f"{alarm.name} {alarm.at}", _MAX_CONTEXT)]},
    ]
    return {"text": escaped(title, _MAX_SECTION), "blocks": blocks, "unfurl_links": False}


def message(notification: Notification) -> dict[str, Any]:
    """Return what an incoming webhook and `chat.postMessage` accept, without the channel."""
    title = f"{_EMOJI[notification.event]} {headline(notification)}"
    pages = links(notification)
    blocks = [
        _header(title),
        {"type": "section", "fields": _fields(notification)},
        *([_cause(notification.cause)] if notification.cause else []),
        *([_links(pages)] if pages else []),
        {"type": "context", "elements": [_plain(notification.about, _MAX_CONTEXT)]},
    ]
    summary = f"{title}: {notification.error}" if notification.error else title
    return {"text": escaped(summary, _MAX_SECTION), "blocks": blocks, "unfurl_links": False}


def escaped(text: str, limit: int) -> str:
    """Return text that Slack shows as it is, never cut within an escape."""
    parts = [_ESCAPES.get(character, cleaned(character)) for character in text]
    if sum(map(len, parts)) <= limit:
        return "".join(parts)
    ends = accumulate(map(len, parts))
    return "".join(part for part, end in zip(parts, ends, strict=True) if end < limit) + "…"


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": _plain(text, _MAX_HEADER) | {"emoji": True}}


def _plain(text: str, limit: int) -> dict[str, Any]:
    shown = cleaned(text)
    cut = shown if len(shown) <= limit else shown[: limit - 1] + "…"
    return {"type": "plain_text", "text": cut}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim, else Slack turns words of a job into mentions, channels and links
    # (Slack, "Text object").
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _fields(notification: Notification) -> list[dict[str, Any]]:
    return [
        _mrkdwn(f"*{name}*\n{escaped(value, _MAX_FIELD - len(name) - 3)}")
        for name, value in list(facts(notification).items())[:_MAX_FIELDS]
    ]


def _cause(cause: str) -> dict[str, Any]:
    text = escaped(cause.replace(_FENCE, "'''"), _MAX_SECTION - 2 * len(_FENCE))
    return {"type": "section", "text": _mrkdwn(f"{_FENCE}{text}{_FENCE}")}


def _links(pages: Mapping[str, str]) -> dict[str, Any]:
    # Links, because a button needs an app that answers when it is pressed.
    shown = [f"<{_address(url)}|{name}>" for name, url in pages.items()]
    return {"type": "section", "text": _mrkdwn(" · ".join(shown))}


def _address(url: str) -> str:
    """Return an address that cannot end its link, cut or not."""
    return escaped(url.replace("|", "%7C"), 900)
