"""A notification as Slack shows it (tests/golden/slack-message.json), within Block Kit's limits."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.jobs import Event
from provisioner.notifications.model import Alarm
from provisioner.notifications.slack_blocks import alarm_message, escaped, message
from provisioner.plain_text import cleaned
from tests.golden.update import NOTIFICATION


def texts(node):
    match node:
        case dict():
            return [text for value in node.values() for text in texts(value)]
        case list():
            return [text for value in node for text in texts(value)]
        case str():
            return [node]
        case _:
            return []


LONG = "<&>" * 5000
EXTREMES = {
    "least": replace(NOTIFICATION, error=None, cause=None, execution_arn=None, log_url=None),
    "long": replace(
        NOTIFICATION,
        job_name="x" * 2000, about=LONG, status=LONG, source=LONG, error=LONG, cause=LONG,
        log_url="https://a/" + LONG,
    ),
    "fences": replace(NOTIFICATION, cause="```" * 900),
}  # fmt: skip


@pytest.mark.parametrize("notification", EXTREMES.values(), ids=EXTREMES)
def test_the_limits_of_block_kit(notification):
    shown = message(notification)

    assert len(shown["blocks"]) <= 50
    for block in shown["blocks"]:
        match block["type"]:
            case "header":
                assert 1 <= len(block["text"]["text"]) <= 150
            case "section" if "fields" in block:
                assert 1 <= len(block["fields"]) <= 10
                assert all(1 <= len(field["text"]) <= 2000 for field in block["fields"])
            case "section":
                assert 1 <= len(block["text"]["text"]) <= 3000
            case "context":
                assert 1 <= len(block["elements"]) <= 10
            case other:
                raise AssertionError(other)


def test_a_message_without_a_cause_has_no_empty_block():
    kinds = [block["type"] for block in message(EXTREMES["least"])["blocks"]]

    assert kinds == ["header", "section", "context"]


def test_what_a_job_says_is_not_markup():
    hostile = "<!channel> & <https://example.org|click>"
    notification = replace(NOTIFICATION, job_name="report", error=hostile, cause=f"```{hostile}")

    shown = json.dumps(message(notification)["blocks"][1:3])

    assert "<!channel>" not in shown
    assert "<https://example.org" not in shown
    assert "&lt;!channel&gt; &amp; " in shown
    assert message(notification)["blocks"][2]["text"]["text"].count("```") == 2
    assert "<!channel>" not in message(notification)["text"]


HOSTILE = "<!channel> @here #general https://evil.example \x1b[2J\x9b1m\u202egpj\u2066"
HOSTILE_MESSAGES = {
    "a notification": message(
        replace(
            NOTIFICATION,
            job_name=HOSTILE,
            about=HOSTILE,
            status=HOSTILE,
            error=HOSTILE,
            cause=HOSTILE,
        )
    ),
    "an alarm": alarm_message(Alarm(HOSTILE, "ALARM", HOSTILE, HOSTILE, HOSTILE, "arn")),
}


@pytest.mark.parametrize("shown", HOSTILE_MESSAGES.values(), ids=HOSTILE_MESSAGES)
def test_texts_are_neither_obeyed_nor_linked(shown):
    whole = "".join(texts(shown))
    marked = [
        node for block in shown["blocks"] for node in nodes(block) if "mrkdwn" in node.values()
    ]

    assert not any(unicodedata.category(c) in {"Cc", "Cf"} and c != "\n" for c in whole)
    assert r"\x1b[2J" in whole
    assert all(node["verbatim"] for node in marked)
    assert not any("<!channel>" in node["text"] for node in marked)
    assert "<!channel>" not in shown["text"]


def nodes(node):
    match node:
        case dict():
            yield node
            for value in node.values():
                yield from nodes(value)
        case list():
            for value in node:
                yield from nodes(value)


def test_an_address_cannot_end_its_link():
    notification = replace(NOTIFICATION, execution_arn=None, log_url="https://a/?b=1&c=2|x>y")

    assert "<https://a/?b=1&amp;c=2%7Cx&gt;y|Logs>" in texts(message(notification))


@pytest.mark.parametrize("event", Event)
def test_every_event_has_its_sign(event):
    header = message(replace(NOTIFICATION, event=event))["blocks"][0]["text"]["text"]

    assert header.startswith(":")


@given(st.text(), st.integers(1, 200))
def test_a_cut_leaves_whole_escapes(text, limit):
    shown = escaped(text, limit)

    assert len(shown) <= limit
    kept = shown if _as_read(shown) == cleaned(text) else shown.removesuffix("…")
    assert cleaned(text).startswith(_as_read(kept))


def _as_read(shown):
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
