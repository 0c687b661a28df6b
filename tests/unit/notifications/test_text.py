"""How notifications and alarms read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.jobs import Event
from provisioner.notifications import text
from tests.golden.update import NOTIFICATION


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0.0 s"),
        (1234, "1.2 s"),
        (59_400, "59 s"),
        (59_600, "1 min 0 s"),
        (185_000, "3 min 5 s"),
        (3_600_000, "1 h 0 min"),
        (90_061_000, "25 h 1 min"),
    ],
)
def test_durations(milliseconds, said):
    assert text.duration(milliseconds) == said


def test_a_mail():
    execution = NOTIFICATION.execution_arn
    assert text.subject(NOTIFICATION) == "csv-summary failed"
    assert text.mail(NOTIFICATION) == (
        "csv-summary failed\n\n"
        "Status:        FAILED\n"
        "Source:        schedule\n"
        "Scheduled for: 2026-11-21T09:00:00Z\n"
        "Started:       2026-11-21T09:00:00.123Z\n"
        "Duration:      3 min 5 s\n"
        "Attempts:      2\n"
        "Exit code:     3\n"
        "Error:         ContainerFailed\n\n"
        "Exit code 3. rows < 1 & no header\n\n"
        "Execution:     https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1"
        f"#/v2/executions/details/{execution}\n"
        f"Logs:          {NOTIFICATION.log_url}\n\n"
        "2026-11-21T09:00:00.123Z#0b8f6f9e\n"
    )


@pytest.mark.parametrize("name", ["é" * 2000, "a\nb", "\x00", " x", "a b"])
@pytest.mark.parametrize("event", Event)
def test_a_subject_is_what_sns_takes_whatever_a_job_is_called(name, event):
    subject = text.subject(replace(NOTIFICATION, job_name=name, event=event))

    assert subject.isascii()
    assert subject.isprintable()
    assert not subject.startswith(" ")
    assert len(subject) < 100


@pytest.mark.parametrize("event", Event)
def test_every_event_has_its_words_and_its_severity(event):
    notification = replace(NOTIFICATION, event=event)

    assert notification.severity in {"info", "warning", "error"}
    assert text.headline(notification).startswith("csv-summary ")


def test_the_consoles_of_other_partitions():
    notification = replace(
        NOTIFICATION, execution_arn="arn:aws-cn:states:cn-north-1:1:execution:jobs-a:1"
    )
    assert text.links(notification)["Execution"].startswith(
        "https://cn-north-1.console.amazonaws.cn/states/"
    )
    assert "Execution" not in text.links(replace(NOTIFICATION, execution_arn="odd"))


def test_what_has_no_page_in_the_console_has_no_link():
    notification = replace(NOTIFICATION, execution_arn="one", stack_id="another", log_url=None)

    assert text.links(notification) == {}
