"""Runs that messages start, on the embedded engine with IAM enforced."""

from __future__ import annotations

import json
from itertools import accumulate

import pytest
from botocore.credentials import Credentials

from tests.support.drawn import whole
from tests.support.http import Caller

pytestmark = pytest.mark.engine

MESSAGES = 500 if whole() else 100
BATCH = 4
MOST = 6
TOO_LARGE = '"' * 200_000  # fits into a message, but as JSON not into an execution's input


def publish(engine, job_name, bodies):
    """Publish to the one topic that all jobs share."""
    sns = engine.client("sns")
    topic = engine.outputs["SubmissionTopicArn"]
    named = {"job_name": {"DataType": "String", "StringValue": job_name}}
    for start in range(0, len(bodies), 10):
        entries = [
            {"Id": str(index), "Message": body, "MessageAttributes": named}
            for index, body in enumerate(bodies[start : start + 10])
        ]
        assert not sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get(
            "Failed"
        )


def all_runs(engine, name):
    pages = (
        engine.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=engine.outputs["TriggersTableName"],
            KeyConditionExpression="job_name = :name AND trigger_id > :first",
            ExpressionAttributeValues={":name": {"S": name}, ":first": {"S": "0"}},
            ConsistentRead=True,
        )
    )
    rows = [row for page in pages for row in page["Items"]]
    return [{key: next(iter(value.values())) for key, value in row.items()} for row in rows]


def processed(engine, name):
    """Return what the function was given, as the ended runs have recorded it."""
    outputs = [json.loads(run["output"]) for run in all_runs(engine, name) if "output" in run]
    return sorted(n for output in outputs for n in output)


def most_at_once(runs):
    """Return how many runs were RUNNING at the same time; an end comes before what it let in."""
    steps = [(run["ended_at"], -1) for run in runs] + [(run["started_at"], 1) for run in runs]
    return max(accumulate(step for _, step in sorted(steps)))


def test_many_messages_run_once_each_and_never_more_than_so_many_at_once(engine, api):
    name, neighbour = engine.unique("queued"), engine.unique("neighbour")
    for job_name in (name, neighbour):
        engine.put(
            engine.lambda_row(
                job_name,
                handler="code_under_test.numbers",
                queue={"batch_size": BATCH, "max_concurrency": MOST},
                alarms=False,
            )
        )
    record = engine.wait_for(name, "READY")
    engine.wait_for(neighbour, "READY")
    assert record["queue_url"].endswith(f"/jobs-{name}")

    publish(engine, name, [json.dumps({"n": n}) for n in range(MESSAGES)])

    engine.wait(
        lambda: len(processed(engine, name)) >= MESSAGES, "all messages", timeout_seconds=400
    )
    assert processed(engine, name) == list(range(MESSAGES))
    runs = all_runs(engine, name)
    assert {(run["status"], run["source"]) for run in runs} == {("SUCCEEDED", "queue")}
    batches = [json.loads(run["input"])["messages"] for run in runs]
    assert sorted(message["n"] for batch in batches for message in batch) == list(range(MESSAGES))
    assert max(map(len, batches)) == BATCH
    assert 1 < most_at_once(runs) <= MOST
    assert all_runs(engine, neighbour) == []

    place = submitted(api, {"job_name": name, "payload": {"n": -1}, "submission_id": "last"})

    ended = engine.wait(lambda: ended_at(api, place), "the work that came over HTTP")
    assert ended["result"]["value"] == [-1]
    (run,) = [run for run in all_runs(engine, name) if run["trigger_id"].endswith(ended["run"])]
    assert (run["source"], json.loads(run["input"])["messages"]) == ("queue", [{"n": -1}])


@pytest.fixture
def api(engine):
    own = engine.environment
    keys = Credentials(own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"])
    return Caller(engine.outputs["ApiUrl"], keys, region=own["AWS_REGION"])


def submitted(api, work):
    """Submit work to a job with a queue, twice; return its address."""
    taken, again = (api("POST", "/v1/submissions", work) for _ in range(2))
    assert (taken.status, taken.json["run"]) == (202, None), taken
    assert again.headers["idempotency-replayed"] == "true"
    return taken.headers["location"]


def ended_at(api, place):
    found = api("GET", f"{place}?wait=5").json
    return found if found["ended_at"] else None


def test_a_message_for_a_job_that_does_not_exist_is_kept_until_there_is_one(engine):
    name = engine.unique("unborn")

    publish(engine, name, ["early"])

    [letter] = engine.wait(
        lambda: [
            letter
            for letter in json.loads(engine.provisioner("dead-letters", "list", "--json"))
            if letter["job_names"] == [name]
        ],
        "the letter",
    )
    assert (letter["source"], letter["payload"]) == ("unrouted", "early")
    engine.put(engine.lambda_row(name, queue=True))
    engine.wait_for(name, "READY")

    engine.provisioner("dead-letters", "redrive", letter["id"])

    (run,) = engine.wait(
        lambda: [run for run in all_runs(engine, name) if run["status"] == "SUCCEEDED"], "a run"
    )
    assert json.loads(run["input"]) == {"message": "early"}


def test_what_cannot_be_started_is_a_dead_letter_message_and_its_neighbour_runs(engine):
    name = engine.unique("poisoned")
    engine.put(engine.lambda_row(name, queue={"max_receives": 1}))
    record = engine.wait_for(name, "READY")

    publish(engine, name, [TOO_LARGE])
    publish(engine, name, ["not JSON"])

    queue = {"QueueUrl": record["dead_letter_queue_url"]}
    sqs = engine.client("sqs")
    found = engine.wait(
        lambda: sqs.receive_message(**queue, WaitTimeSeconds=1).get("Messages"), "a dead letter"
    )
    assert [message["Body"] for message in found] == [TOO_LARGE]
    (run,) = engine.wait(
        lambda: [run for run in all_runs(engine, name) if run["status"] == "SUCCEEDED"], "a run"
    )
    assert json.loads(run["output"]) == {"message": "not JSON"}
