"""What is published, and what is read back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.events import UnreadableError
from provisioner.jobs import Event, InvalidRow, parse
from provisioner.notifications import text
from provisioner.notifications.document import attributes, of_document, of_message, to_document
from provisioner.notifications.model import Alarm
from tests.golden.update import NOTIFICATION

PAGE = (Path(__file__).parents[3] / "docs" / "guides" / "notifications.md").read_text()
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/jobs-report/1"


def test_what_subscribers_filter_by():
    assert attributes(NOTIFICATION) == {
        "event": "failed",
        "job_name": "csv-summary",
        "status": "FAILED",
        "source": "schedule",
        "severity": "error",
    }


def test_a_document_is_read_back():
    document = json.loads(json.dumps(to_document(NOTIFICATION)))

    assert of_document(document) == NOTIFICATION
    assert document["notification_id"] == NOTIFICATION.notification_id
    assert of_message(json.dumps(document), "jobs") == NOTIFICATION


DOCUMENT = to_document(NOTIFICATION)
UNREADABLE = {
    "a list": [],
    "empty": {},
    "an alarm": {"AlarmName": "jobs-report", "NewStateValue": "ALARM"},
    "an unknown event": DOCUMENT | {"event": "dreamt"},
    "an event that is a list": DOCUMENT | {"event": ["failed"]},
    "a number as text": DOCUMENT | {"attempts": "2"},
    "no status": DOCUMENT | {"status": None},
}


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_a_notification(document):
    with pytest.raises(UnreadableError):
        of_message(json.dumps(document), "jobs")


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000])
def test_what_is_not_a_document(body):
    with pytest.raises(UnreadableError):
        of_message(body, "jobs")


class TestDocs:
    def test_every_event_is_there_with_its_severity(self):
        listed = re.findall(r"^\| `(\w+)` \| .* \| (\w+) \|$", PAGE, re.MULTILINE)

        assert listed == [(event, replace(NOTIFICATION, event=event).severity) for event in Event]

    def test_every_member_is_there(self):
        [table] = re.findall(r"^\| member \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
        members = {name for row in table.strip().splitlines() for name in _named(row.split("|")[1])}

        document = to_document(replace(NOTIFICATION, stack_id=STACK_ID, slack_channel="#ops"))
        assert members == document.keys()

    def test_the_example_is_a_good_row(self):
        [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

        assert not isinstance(parse(json.loads(example)), InvalidRow)


def _named(cell):
    return re.findall(r"`(\w+)`", cell)


ALARM = json.loads((Path(__file__).parents[2] / "events" / "alarm.json").read_text())
ALARMS = {
    "ours": ("jobs-Provisioner-DeadLetters", True),
    "a job's dead letters": ("jobs-report.dead-letters", True),
    "a job's runs": ("jobs-report", False),
    "another bootstrap's": ("other-Provisioner-DeadLetters", False),
}


@pytest.mark.parametrize(("name", "shown"), ALARMS.values(), ids=ALARMS)
def test_only_alarms_without_a_notification_of_their_own_are_shown(name, shown):
    found = of_message(json.dumps(ALARM | {"AlarmName": name}), "jobs")
    assert (found is not None) is shown
    if shown:
        assert isinstance(found, Alarm)
        assert (
            text.alarm_headline(found)
            == "Something failed for good; see provisioner dead-letters list"
        )
        assert text.alarm_links(found)["Alarm"].endswith(
            "#alarmsV2:alarm/jobs-Provisioner-DeadLetters"
        )


def test_an_alarm_that_is_over_says_so():
    found = of_message(json.dumps(ALARM | {"NewStateValue": "OK"}), "jobs")
    assert text.alarm_headline(found).startswith("OK: Something failed")
