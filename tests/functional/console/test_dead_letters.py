"""Dead-letter messages in the console: the selected ones are redriven or discarded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from provisioner.service.caller import Role
from tests.support.cli import OUTPUTS
from tests.support.clients import CLIENTS, heard

EVENTS = Path(__file__).parents[2] / "events"
PATH = "/dead-letters"


@pytest.fixture
def put(here):  # noqa: ARG001  (its queue)
    """Put a message in the queue; return its id."""

    def put(body):
        url = OUTPUTS["DeadLetterQueueUrl"]
        return CLIENTS.sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]

    return put


@pytest.fixture
def good(put):
    return put(json.dumps({"job_name": "report"}))


@pytest.fixture
def unreadable(put):
    return put("[1, 2")


def throttled(**_):
    error = {"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}
    raise ClientError(error, "SQS")


def press(browser, action, *ids):
    form = browser.get(PATH).form
    return browser.post(f"{PATH}/{action}", [*form.fields, *(("id", each) for each in ids)])


def listed(browser):
    page = browser.get(PATH)
    boxes = (has for tag, has in page.elements if tag == "input" and has.get("name") == "id")
    return {each["value"] for each in boxes}


def test_a_redriven_one_is_processed_again_and_gone(browser, here, good, unreadable):
    page = browser.follow(press(browser, "redrive", good))

    assert page.status == 200
    assert [each["job_name"] for each in here.queued()] == ["report"]
    assert listed(browser) == {unreadable}


def test_one_that_nobody_can_read_stays_and_the_page_says_so(browser, here, good, unreadable):
    page = press(browser, "redrive", unreadable, good)

    assert page.status == 422
    assert "1 cannot be redriven; they can be discarded." in page.text
    assert [each["job_name"] for each in here.queued()] == ["report"]
    assert listed(browser) == {unreadable}


@pytest.mark.parametrize(
    ("action", "operation", "said"),
    [
        ("redrive", "SendMessage", "Not all were redriven: "),
        ("discard", "DeleteMessage", "Not all were discarded: "),
    ],
)
def test_what_fails_stays_and_the_page_says_why(browser, here, good, action, operation, said):
    with heard(CLIENTS.sqs, f"before-call.sqs.{operation}", throttled):
        page = press(browser, action, good)

    assert page.status == 422
    assert f"{said}Throttling: Rate exceeded" in page.text
    assert here.queued() == []
    assert listed(browser) == {good}


def test_one_that_fails_for_good_does_not_hide_what_was_done_before(browser, here, good):
    """Its function is not there, which is not the message's own absence."""
    record = json.loads((EVENTS / "dead_letter_lambda.json").read_text())
    url = OUTPUTS["DeadLetterQueueUrl"]
    failing = CLIENTS.sqs.send_message(
        QueueUrl=url, MessageBody=record["Body"], MessageAttributes=record["MessageAttributes"]
    )["MessageId"]

    page = press(browser, "redrive", good, failing)

    assert page.status == 422
    assert "Not all were redriven: ResourceNotFoundException" in page.text
    assert [each["job_name"] for each in here.queued()] == ["report"]
    assert listed(browser) == {failing}


def test_a_discarded_one_is_gone_and_nothing_is_done(browser, here, good, unreadable):
    browser.follow(press(browser, "discard", good, unreadable))

    assert here.queued() == []
    assert listed(browser) == set()


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_nothing_selected_does_nothing(browser, here, good, action):
    page = press(browser, action)

    assert page.status == 422
    assert "Select at least one message." in page.text
    assert (here.queued(), listed(browser)) == ([], {good})


@pytest.mark.parametrize(("action", "done"), [("redrive", "redriven"), ("discard", "discarded")])
def test_one_that_is_gone_already_keeps_the_others(browser, here, good, action, done):
    page = press(browser, action, good, "none")

    assert page.status == 422
    assert f"Not all were {done}: there is no dead-letter message none" in page.text
    assert (here.queued(), listed(browser)) == ([], {good})


def test_a_reader_is_offered_nothing(browser, good):
    browser.role = Role.READ

    page = browser.get(PATH)

    assert good in page.text
    assert "Redrive" not in page.text
    assert browser.post(f"{PATH}/redrive", [("id", good)]).status == 403
