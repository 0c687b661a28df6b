"""What has happened, read off the change of a row; and which of it the job wants to be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from provisioner.events import UnreadableError
from provisioner.jobs import Event, parse
from provisioner.notifications import detection, text
from provisioner.notifications.model import Notification
from tests.golden.update import NOTIFICATION

PAGE = (Path(__file__).parents[3] / "docs" / "guides" / "notifications.md").read_text()
RUN = "2026-11-21T09:00:00.000Z#run-1"
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/jobs-report/1"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "main.handler",
    "bundle": "s3://bundles/report.zip",
}


def run(status, **attributes):
    texts = {"status": status, "source": "schedule", "started_at": RUN[:24], **attributes}
    return {name: {"S": value} for name, value in texts.items() if value is not None}


def stack(status, **attributes):
    return {"status": {"S": status}, "updated_at": {"S": "now"}, "version": {"N": "7"}} | attributes


def deployed(*deployments, status="READY"):
    """Return a Stacks row by its deployments: number, cause and digest of each."""
    known = [
        {"M": {"number": {"N": str(n)}, "cause": {"S": cause}, "digest": {"S": digest}}}
        for n, cause, digest in deployments
    ]
    return stack(status, deployments={"L": known})


FIRST, SECOND, BACK = (1, "row", "d1"), (2, "push", "d2"), (3, "rollback", "d1")


def record(new, old=None, trigger_id=RUN):
    keys = {"job_name": {"S": "report"}}
    if trigger_id:
        keys["trigger_id"] = {"S": trigger_id}
    images = {"NewImage": new, "OldImage": old}
    return {"dynamodb": {"Keys": keys, **{k: v for k, v in images.items() if v is not None}}}


CHANGES = {
    "a run begins": (record(run("RUNNING")), Event.STARTED),
    "one that waited": (record(run("RUNNING"), run("QUEUED")), Event.STARTED),
    "success": (record(run("SUCCEEDED"), run("RUNNING")), Event.SUCCEEDED),
    "failure": (record(run("FAILED"), run("RUNNING")), Event.FAILED),
    "failure at once": (record(run("FAILED")), Event.FAILED),
    "timeout": (record(run("TIMED_OUT"), run("RUNNING")), Event.TIMED_OUT),
    "stop": (record(run("STOPPED"), run("RUNNING")), Event.STOPPED),
    "stop of one that waits": (record(run("STOPPED"), run("QUEUED")), Event.STOPPED),
    "skip": (record(run("SKIPPED")), Event.SKIPPED),
    "a run waits": (record(run("QUEUED")), None),
    "its alert was sent": (record(run("QUEUED", alerted_at="now"), run("QUEUED")), None),
    "somebody stops it": (record(run("RUNNING", stopped_by="me"), run("RUNNING")), None),
    "the row expires": (record(None, run("FAILED")), None),
    "the lock": (record({"owner": {"S": "run-1"}}, trigger_id="#lock"), None),
    "a lock with a status": (record(run("RUNNING"), trigger_id="#lock"), None),
    "a scheduled time": (
        record({"expires_at": {"N": "1"}}, trigger_id="#tick#jobs-report-0#now"),
        None,
    ),
    "a status of tomorrow": (record(run("DREAMING"), run("RUNNING")), None),
    "no status": (record({}, run("RUNNING")), None),
    "a stack fails": (record(stack("FAILED"), stack("UPDATING"), None), Event.STACK_FAILED),
    "a row is wrong": (record(stack("INVALID"), stack("READY"), None), Event.STACK_FAILED),
    "at once": (record(stack("INVALID"), None, None), Event.STACK_FAILED),
    "a failed one's row is wrong": (
        record(stack("INVALID"), stack("FAILED"), None),
        Event.STACK_FAILED,
    ),
    "still failed": (record(stack("FAILED"), stack("FAILED"), None), None),
    "a stack comes up": (record(stack("READY"), stack("CREATING"), None), None),
    "a stack tries again": (record(stack("RETRYING"), stack("UPDATING"), None), None),
    "it goes back": (
        record(deployed(BACK, SECOND, FIRST), deployed(SECOND, FIRST, status="UPDATING"), None),
        Event.ROLLED_BACK,
    ),
    "it went back before": (
        record(deployed(BACK, SECOND, FIRST), deployed(BACK, SECOND, FIRST), None),
        None,
    ),
    "it goes on": (record(deployed(SECOND, FIRST), deployed(FIRST), None), None),
    "deployments that are none": (record(stack("READY", deployments={"S": "x"}), None, None), None),
    "a stack's row expires": (record(None, stack("DELETED"), None), None),
}


@pytest.mark.parametrize(("change", "event"), CHANGES.values(), ids=CHANGES)
def test_what_a_change_says(change, event):
    notification = detection.of_record(change)

    assert (notification.event if notification else None) is event
    if notification:
        assert notification.job_name == "report"


POISON = {
    "nothing": None,
    "text": "record",
    "no keys": {"dynamodb": {"NewImage": run("FAILED")}},
    "another key": {"dynamodb": {"Keys": {"name": {"S": "report"}}, "NewImage": run("FAILED")}},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_record_that_names_no_job(poison):
    with pytest.raises(UnreadableError):
        detection.of_record(poison)


ODD = {
    "a text that is a number": {"status": {"S": "FAILED"}, "error": {"N": "1"}},
    "a number that is a text": {"status": {"S": "FAILED"}, "attempts": {"S": "two"}},
    "no source": {"status": {"S": "FAILED"}},
    "bytes": {"status": {"S": "FAILED"}, "cause": {"B": "AAE="}},
    "empty": {"status": {"S": "FAILED"}, "cause": {"S": ""}},
}


@pytest.mark.parametrize("image", ODD.values(), ids=ODD)
def test_an_odd_row_makes_a_notification_all_the_same(image):
    notification = detection.of_record(record(image))

    assert (notification.event, notification.source) == (Event.FAILED, "unknown")
    assert (notification.error, notification.cause, notification.attempts) == (None, None, None)


def test_a_notification_of_a_run_has_all_that_its_row_says():
    image = run("FAILED", error="E", cause="C", scheduled_for="T0", ended_at="T2", log_url="L")
    image |= {"duration_ms": {"N": "1500"}, "attempts": {"N": "2"}, "exit_code": {"N": "3"}}
    image |= {"execution_arn": {"S": "arn"}, "input": {"S": "secret"}, "output": {"S": "secret"}}

    assert detection.of_record(record(image)) == Notification(
        Event.FAILED, "report", RUN, "FAILED", "schedule", "E", "C", "T0", RUN[:24], "T2",
        1500, 2, 3, "arn", "L",
    )  # fmt: skip


def test_a_failed_stack_says_which_resource_and_why():
    failure = {"reason": {"S": "no such role"}, "resource": {"S": "Function"}}
    image = stack("FAILED", failure={"M": failure}, stack_id={"S": STACK_ID})

    notification = detection.of_record(record(image, None, None))

    assert (notification.error, notification.cause) == ("Function", "no such role")
    assert (notification.source, notification.status) == ("stack", "FAILED")
    assert text.links(notification) == {
        "Stack": "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1"
        "#/stacks/stackinfo?stackId=arn%3Aaws%3Acloudformation%3Aeu-west-1%3A123456789012"
        "%3Astack%2Fjobs-report%2F1"
    }


def test_an_invalid_row_says_all_that_is_wrong():
    errors = [
        {"M": {"field": {"S": "memory_mb"}, "message": {"S": "is odd"}}},
        {"M": {"field": {"S": "type"}, "message": {"S": "is required"}}},
    ]
    stale = {"M": {"reason": {"S": "of before"}}}

    notification = detection.of_record(
        record(stack("INVALID", errors={"L": errors}, failure=stale), None, None)
    )

    assert notification.cause == "memory_mb: is odd\ntype: is required"


def test_a_text_is_cut_and_without_control_characters():
    notification = detection.of_record(record(run("FAILED", cause="a\x00b\n" + "é" * 9000)))

    assert notification.cause.startswith("a�b\né")
    assert (len(notification.cause), notification.cause[-1]) == (4000, "…")


def test_the_same_thing_has_the_same_id_and_another_thing_another():
    def id_of(status, **changes):
        return detection.of_record(record(run(status), **changes)).notification_id

    assert id_of("FAILED") == id_of("FAILED") == f"report/{RUN}/failed"
    assert len({id_of("FAILED"), id_of("RUNNING"), id_of("FAILED", trigger_id="2026#2")}) == 3
    again = record(stack("FAILED") | {"version": {"N": "8"}}, stack("UPDATING"), None)
    first = record(stack("FAILED"), stack("UPDATING"), None)
    assert detection.of_record(again).notification_id != detection.of_record(first).notification_id


DEFAULTS = {"failed", "timed_out", "stack_failed", "queued_too_long", "rolled_back"}
WANTED = {
    "default": (ROW, DEFAULTS),
    "named": (ROW | {"notify": ["started", "stopped"]}, {"started", "stopped"}),
    "none": (ROW | {"notify": []}, set()),
    "invalid row": (ROW | {"notify": ["started"], "type": "x"}, DEFAULTS),
    "no row": (None, DEFAULTS),
}


@pytest.mark.parametrize(("row", "events"), WANTED.values(), ids=WANTED)
def test_the_row_says_what_is_sent(row, events):
    job = row and parse(row)
    sent = {
        event
        for event in Event
        if detection.wanted(replace(NOTIFICATION, event=event), job) is not None
    }
    assert sent == events


def test_the_row_says_where_in_slack():
    job = parse(ROW | {"slack_channel": "#ops"})

    assert detection.wanted(NOTIFICATION, job).slack_channel == "#ops"


SLOW = {
    "as usual": (1000, [1000] * 10, False),
    "just not": (1499, [1000] * 10, False),
    "just": (1500, [1000] * 10, True),
    "against the mean": (1600, [500, 1500, 1000], True),
    "too few": (9000, [1000] * 2, False),
    "none": (9000, [], False),
    "nothing ever took any time": (9000, [0] * 10, False),
    "no duration": (None, [1000] * 10, False),
}


@pytest.mark.parametrize(("took", "before", "is_slow"), SLOW.values(), ids=SLOW)
def test_what_is_slow(took, before, is_slow):
    succeeded = replace(NOTIFICATION, event=Event.SUCCEEDED, duration_ms=took)

    notification = detection.slow(succeeded, 50, before)

    assert (notification is not None) is is_slow
    if notification:
        assert notification.event is Event.SLOW
        assert notification.notification_id != succeeded.notification_id
        assert "% longer than the mean" in notification.cause


def test_slow_says_how_slow():
    notification = detection.slow(replace(NOTIFICATION, duration_ms=90_000), 50, [50_000] * 10)

    assert notification.cause == (
        "It took 1 min 30 s, 80 % longer than the mean of the 10 successful runs before it, 50 s."
    )


WAITING = {
    "just not": ("2026-11-21T09:00:00.001Z", 60, False),
    "just": ("2026-11-21T09:00:00.000Z", 60, True),
    "shorter": ("2026-11-21T09:59:00.000Z", 1, True),
}


@pytest.mark.parametrize(("since", "minutes", "too_long"), WAITING.values(), ids=WAITING)
def test_what_waits_too_long(since, minutes, too_long):
    row = {"job_name": "report", "trigger_id": RUN, "status": "QUEUED", "started_at": since}
    row["attempts"] = Decimal(0)

    notification = detection.queued_too_long(row, minutes, NOW)

    assert (notification is not None) is too_long
    if notification:
        assert (notification.event, notification.status) == (Event.QUEUED_TOO_LONG, "QUEUED")
        assert notification.cause == f"It has waited since {since}, longer than {minutes} min."


def test_it_waits_since_it_was_queued_however_often_it_was_started():
    row = {"job_name": "report", "trigger_id": RUN, "status": "QUEUED", "started_at": "T"}

    assert detection.queued_too_long(row | {"queued_at": "2026-11-21T09:30:00Z"}, 30, NOW)


def test_a_rollback_says_what_runs_again():
    row = deployed(BACK, SECOND, FIRST)
    found = detection.of_record(record(row, deployed(SECOND, FIRST), None))

    assert found.cause == "Deployment 3 runs what deployment 1 ran"
    assert text.headline(found) == "report was rolled back"
    assert detection.wanted(found, parse(ROW)).severity == "warning"
    lost = detection.of_record(record(deployed(BACK), deployed(SECOND), None))
    assert lost.cause == "Deployment 3 runs what it ran before"


@pytest.mark.parametrize(
    ("by", "count", "cause"),
    [
        (RUN, 3, "Deployment 2 stays: the first 3 runs have succeeded."),
        (RUN, 1, "Deployment 2 stays: the first run has succeeded."),
        ("another", 1, None),
        (None, 1, None),
    ],
)
def test_a_canary_has_passed_by_one_run(by, count, cause):
    succeeded = detection.of_record(record(run("SUCCEEDED"), run("RUNNING")))
    found = detection.canary_passed(succeeded, 2, by, count)

    assert (found and found.cause) == cause
