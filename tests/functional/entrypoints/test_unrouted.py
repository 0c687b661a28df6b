"""Messages whose job has no queue: kept, counted, and delivered when there is one."""

from __future__ import annotations

import json

import boto3
import pytest

from provisioner.aws.dead_letters import DeadLetterLocation, hold
from provisioner.aws.stacks_table import StacksTable
from provisioner.dead_letters.content import Redrive
from provisioner.dead_letters.redrive import submission
from provisioner.entrypoints import unrouted
from provisioner.errors import NotFoundError
from provisioner.stacks.model import JobStatus, StackRecord
from tests.support.clients import CLIENTS
from tests.support.functions import Unavailable, deliver, hand_in

BODY = json.dumps({"order": 7, "note": "ü"})


def message(job_name, body=BODY, message_id="m1", **more):
    given = {"job_name": job_name, **more}
    attributes = {
        name: {"stringValue": text, "dataType": "String"} for name, text in given.items() if text
    }
    return {"messageId": message_id, "body": body, "messageAttributes": attributes}


def handle(*records):
    return deliver(unrouted, {"Records": list(records)})["batchItemFailures"]


@pytest.fixture
def place(bootstrap):
    queue = {"QueueUrl": "q", "QueueBatchSize": "1", "QueueMaxConcurrency": "2"}
    stacks = StacksTable(CLIENTS, "jobs-Stacks")
    stacks.save(StackRecord("invoice", status=JobStatus.READY, outputs=queue))
    stacks.save(StackRecord("plain", status=JobStatus.READY))
    return DeadLetterLocation(
        "jobs",
        bootstrap["DEAD_LETTER_QUEUE_URL"],
        bootstrap["ARTIFACTS_BUCKET"],
        bootstrap["RECONCILE_QUEUE_URL"],
        "jobs_provisioner_run_events",
    )


def dead_letter_messages(place):
    with hold(CLIENTS, place) as found:
        return list(found.messages.values())


@pytest.mark.parametrize(
    ("job_name", "reason"),
    [
        ("invoise", 'no job "invoise" has a queue'),
        ("plain", 'no job "plain" has a queue'),
        ("Not A Job" * 400, "no job"),
        ("", "a message names its job in job_name"),
    ],
    ids=["no such job", "job without a queue", "no name of a job", "no attribute"],
)
def test_a_message_that_nobody_takes_is_kept_and_says_for_whom_it_was(
    place, capsys, job_name, reason
):
    assert handle(message("invoice"), message(job_name, message_id="m2")) == []

    [letter] = dead_letter_messages(place)
    assert (letter.payload, letter.content.source) == (BODY, "unrouted")
    assert letter.reason.startswith(reason)
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert counted[0]["MessagesUnrouted"] == [1.0]


def test_the_largest_message_is_kept_whole(place):
    body = "x" * 262_000
    handle(message("invoise", body))
    assert [letter.payload for letter in dead_letter_messages(place)] == [body]


@pytest.mark.parametrize(
    "body",
    [
        '{"source": "aws.states", "detail": {"stateMachineArn": "x:jobs-invoice"}}',
        '{"dynamodb": {"Keys": {"job_name": {"S": "invoice"}}}}',
        '{"job_name": "invoice", "retry": true}',
        '{"notification_id": 1}',
    ],
)
def test_what_a_message_looks_like_does_not_make_it_a_dead_letter_message_of_ours(place, body):
    handle(message("invoise", body))
    [letter] = dead_letter_messages(place)
    assert (letter.content.redrive, letter.content.job_names) == (Redrive.MESSAGE, ("invoise",))


def test_a_dead_letter_message_is_delivered_once_its_job_has_a_queue(place):
    handle(message("late", message_id="m7"))
    [letter] = dead_letter_messages(place)
    document = json.loads(submission(letter))

    with pytest.raises(NotFoundError, match='no job "late" has a queue'):
        deliver(unrouted, document)

    url = boto3.client("sqs").create_queue(QueueName="jobs-late")["QueueUrl"]
    outputs = {"QueueUrl": url, "QueueBatchSize": "1", "QueueMaxConcurrency": "2"}
    StacksTable(CLIENTS, "jobs-Stacks").save(
        StackRecord("late", status=JobStatus.READY, outputs=outputs)
    )
    deliver(unrouted, document)

    [found] = boto3.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert found["Body"] == BODY
    assert found["MessageAttributes"]["message_id"]["StringValue"] == "m7"


def test_a_record_that_cannot_be_read_keeps_only_its_own_messages_back(place):
    boto3.client("dynamodb").put_item(
        TableName="jobs-Stacks", Item={"job_name": {"S": "odd"}, "version": {"S": "many"}}
    )
    again = handle(message("odd", message_id="m1"), message("invoise", message_id="m2"))
    kept = {letter.content.job_names for letter in dead_letter_messages(place)}
    assert (again, kept) in (
        ([{"itemIdentifier": "m1"}], {("invoise",)}),
        ([], {("invoise",), ("odd",)}),
    )


def test_a_message_stays_while_it_cannot_be_known_whether_its_job_has_a_queue(place):
    hand_in(stacks=Unavailable())

    assert handle(message("invoice")) == [{"itemIdentifier": "m1"}]
    assert dead_letter_messages(place) == []
