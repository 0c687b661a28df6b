from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioner import events
from provisioner.events import ReconcileRequest, UnreadableError, message_attribute


def record(keys):
    return {"dynamodb": {"Keys": keys, "SequenceNumber": "1"}}


POISON_RECORDS = {
    "no-record": None,
    "text": "record",
    "empty": {},
    "no-keys": {"dynamodb": {"SequenceNumber": "1"}},
    "another-key": record({"name": {"S": "report"}}),
    "binary-key": record({"job_name": {"B": "cmVwb3J0"}}),
    "number-under-s": record({"job_name": {"S": 1}}),
    "empty-name": record({"job_name": {"S": ""}}),
    "half-a-surrogate-pair": record({"job_name": {"S": "\ud800"}}),
    "larger-than-a-key": record({"job_name": {"S": "é" * 1025}}),
}


@pytest.mark.parametrize("poison", POISON_RECORDS.values(), ids=POISON_RECORDS)
def test_a_record_without_a_usable_key(poison):
    with pytest.raises(UnreadableError):
        events.of_stream_record(poison)


def test_a_records_images_are_not_looked_at():
    found = record({"job_name": {"S": "report"}})
    found["dynamodb"]["NewImage"] = {"job_name": {"S": "other"}}
    assert events.of_stream_record(found) == "report"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"job_name": "report"}, ReconcileRequest("report")),
        ({"job_name": "report", "retry": True}, ReconcileRequest("report", retry=True)),
        ({"job_name": "a", "check_code": True}, ReconcileRequest("a", check_code=True)),
        ({"job_name": "report", "retry": "false"}, ReconcileRequest("report")),
        ({"job_name": "Capitals", "more": 1}, ReconcileRequest("Capitals")),
    ],
)
def test_messages(message, expected):
    assert events.of_queue_message(json.dumps(message)) == expected


@pytest.mark.parametrize(
    "body",
    [None, "", "not ours", "[]", '"report"', "{}", '{"job_name": 1}', '{"job_name": ""}',
     '{"job_name": "\\ud800"}', "[" * 100_000],
    ids=["none", "empty", "text", "list", "string", "no-name", "number", "empty-name", "surrogate",
         "deep"],
)  # fmt: skip
def test_bodies_that_are_not_a_message(body):
    with pytest.raises(UnreadableError):
        events.of_queue_message(body)


STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/"


@pytest.mark.parametrize(
    ("stack", "job_name"),
    [
        ("jobs-report/1", "report"),
        ("other-report/1", None),
        ("jobs-Network-1ABC/1", None),
    ],
)
def test_stack_events(stack, job_name):
    event = {"detail": {"stack-id": STACK + stack}}
    assert events.of_stack_event(event, "jobs") == job_name


@pytest.mark.parametrize("event", [{}, {"detail": None}, {"detail": {"stack-id": "x"}}, []])
def test_events_without_a_stack(event):
    with pytest.raises(UnreadableError):
        events.of_stack_event(event, "jobs")


@pytest.mark.parametrize(
    ("event", "job_name"),
    [
        ({"detail": {"stateMachineArn": "arn:aws:states:r:1:stateMachine:jobs-report"}}, "report"),
        ({"detail": {"stateMachineArn": "arn:aws:states:r:1:stateMachine:other"}}, None),
        # The machine of a Distributed Map's child executions.
        ({"detail": {"stateMachineArn": "arn:aws:states:r:1:stateMachine:jobs-a/Map"}}, None),
        ({"detail": {}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_execution_events(event, job_name):
    assert events.of_execution_event(event, "jobs") == job_name


@pytest.mark.parametrize(
    "record", [{}, {"messageAttributes": {}}, {"messageAttributes": {"JOB": {"binaryValue": "x"}}}]
)
def test_an_attribute_that_a_message_does_not_have(record):
    assert message_attribute(record, "JOB") == ""


PUSH = {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "jobs/a", "image-tag": "1"}


def created(key="a.zip", bucket="bundles", **more):
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail} | more


def pushed(**more):
    detail = {name: value for name, value in (PUSH | more).items() if value is not None}
    return {"source": "aws.ecr", "account": "1", "region": "eu-west-1", "detail": detail}


@pytest.mark.parametrize(
    ("event", "artifact"),
    [
        (created(), "s3/bundles/a.zip"),
        (created("größe/1+1%20 .zip"), "s3/bundles/größe/1+1%20 .zip"),
        (created(**{"detail-type": "Object Deleted"}), None),
        (pushed(), "ecr/1/eu-west-1/jobs/a:1"),
        (pushed(more={"nested": True}), "ecr/1/eu-west-1/jobs/a:1"),
        (pushed(**{"image-tag": None}), None),
        (pushed(**{"action-type": "DELETE"}), None),
        (pushed(result="FAILURE"), None),
    ],
    ids=["object", "strange-key", "delete-marker", "image", "more-than-we-know", "by-digest-only",
         "image-deleted", "push-failed"],
)  # fmt: skip
def test_artifact_events(event, artifact):
    assert events.of_artifact_event(event) == artifact


def build_ended(*variables, **more):
    environment = {"environment-variables": list(variables)}
    detail = {"additional-information": {"environment": environment}}
    return {"source": "aws.codebuild", "detail": detail} | more


CAPTURED = json.loads(
    (Path(__file__).parents[1] / "events/build_state_change.json").read_text("utf-8")
)
NAMED = {"name": "BUILD_JOB", "type": "PLAINTEXT", "value": "report"}


@pytest.mark.parametrize(
    ("event", "job"),
    [
        (CAPTURED, "report"),
        (build_ended({"name": "PATH", "value": "x"}, NAMED), "report"),
        (build_ended(), None),
        (build_ended(NAMED | {"value": 5}), None),
        (build_ended("text", None, NAMED | {"value": ""}), None),
        (build_ended(NAMED, source="aws.s3"), None),
        ({"source": "aws.codebuild", "detail": {}}, None),
        (None, None),
    ],
    ids=["captured", "one-of-many", "none", "number", "of-no-kind", "other-service", "no-detail",
         "nothing"],
)  # fmt: skip
def test_events_of_builds(event, job):
    assert events.of_build_event(event) == job


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"source": "aws.ec2", "detail": {}},
        {"source": "aws.s3", "detail-type": "Object Created"},
        created(""),
        created(1),
        created("\ud800"),
        created("é" * 1025),
        created(bucket=""),
        created(bucket=None),
        {"source": "aws.ecr", "detail": PUSH},
        {"source": "aws.ecr", "account": "1", "region": "r", "detail": {}},
        pushed(**{"repository-name": 1}) | {"detail": {"repository-name": 1}},
    ],
    ids=["none", "empty", "other-service", "no-detail", "no-key", "number", "surrogate", "too-long",
         "no-bucket", "null-bucket", "no-registry", "no-action", "number-for-repository"],
)  # fmt: skip
def test_events_without_an_artifact(event):
    with pytest.raises(UnreadableError):
        events.of_artifact_event(event)
