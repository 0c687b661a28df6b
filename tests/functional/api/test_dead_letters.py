"""Dead-letter messages over HTTP: what each is about, and what becomes of those that are named."""

from __future__ import annotations

import json

import pytest

from tests.support.cli import OUTPUTS
from tests.support.clients import CLIENTS

PATH = "/v1/dead-letters"


@pytest.fixture
def ids(here):  # noqa: ARG001  (its queue)
    """Put two requests to reconcile among the dead-letter messages; return their ids."""
    return [
        CLIENTS.sqs.send_message(
            QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
            MessageBody=json.dumps({"job_name": name, "password": "secret"}),
        )["MessageId"]
        for name in ("report", "other")
    ]


def listed(api):
    reply = api("GET", PATH)
    assert (reply.status, reply.json["complete"]) == (200, True)
    assert "secret" not in reply.text
    return {each["id"]: each for each in reply.json["messages"]}


def test_each_says_what_it_is_about(api, ids):
    found = listed(api)

    assert found.keys() == set(ids)
    assert [(found[each]["source"], found[each]["jobs"]) for each in ids] == [
        ("reconcile_queue", ["report"]),
        ("reconcile_queue", ["other"]),
    ]


def test_a_part_of_them_says_that_it_is_one(api, ids):
    reply = api("GET", PATH, query="limit=1").json

    assert [each["id"] for each in reply["messages"]] == ids[:1]
    assert reply["complete"] is False


def test_a_try_says_what_would_be_done_and_does_nothing(api, here, ids):
    body = {"ids": [ids[1]]}

    redriven = api("POST", f"{PATH}/redrive", body, query="dry_run=true").json
    discarded = api("POST", f"{PATH}/discard", body, query="dry_run=true").json

    assert redriven == {"dry_run": True, "redriven": [{"id": ids[1], "remains": False}]}
    assert discarded == {"dry_run": True, "discarded": [ids[1]]}
    assert (listed(api).keys(), here.queued()) == (set(ids), [])


def test_one_is_done_again(api, here, ids):
    done = api("POST", f"{PATH}/redrive", {"ids": [ids[0]]}).json

    assert done == {"dry_run": False, "redriven": [{"id": ids[0], "remains": False}]}
    assert [each["job_name"] for each in here.queued()] == ["report"]
    assert listed(api).keys() == {ids[1]}


def test_one_is_removed(api, here, ids):
    done = api("POST", f"{PATH}/discard", {"ids": [ids[0]]}).json

    assert done == {"dry_run": False, "discarded": [ids[0]]}
    assert (listed(api).keys(), here.queued()) == ({ids[1]}, [])


@pytest.mark.parametrize("query", ["", "dry_run=true"])
@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_nothing_is_done_when_one_is_not_there(api, here, ids, action, query):
    assert api("POST", f"{PATH}/{action}", {"ids": [*ids, "none"]}, query=query).status == 404
    assert (listed(api).keys(), here.queued()) == (set(ids), [])
