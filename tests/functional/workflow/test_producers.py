"""Jobs that send messages to jobs: who may, what they are given, and where a chain ends."""

from __future__ import annotations

import json

import pytest

import templates
from provisioner.jobs import InvalidRow, SubmitGrant, parse, permitted
from provisioner.runs.messages import Message, MessageBatch
from tests.functional.workflow.test_workflow import (
    CONTAINER,
    LAMBDA,
    PLATFORM,
    echo,
    machine,
    only_run,
    table,
)
from tests.support.bootstrap import ROOT, bootstrap_of, load
from tests.support.iam import Statements
from tests.unit.jobs.test_allowed import FUNCTION, STRICT, replace

__all__ = ["table"]

TOPIC = "arn:aws:sns:eu-west-1:123456789012:SubmissionTopic"
AT_HOME = {"aws:RequestedRegion": "eu-west-1", "aws:ResourceAccount": "123456789012"}
SPLITS = {"permissions": ["submit: part"]}


@pytest.mark.parametrize("value", ["submit: part", ["submit:part"], [" submit: part"[1:]]])
def test_a_row_says_it_in_words(value):
    assert parse({**FUNCTION, "permissions": value}).permissions == (SubmitGrant("part"),)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("submit: No Job", "may hold only a-z"),
        ("submit:", "is empty"),
        ("submits: part", 'did you mean "submit"?'),
        ("s3:GetObject", "must be an IAM statement, or words like"),
    ],
)
def test_other_words_are_refused(value, message):
    found = parse({**FUNCTION, "permissions": [value]})
    assert isinstance(found, InvalidRow)
    assert [(e.field, message in e.message) for e in found.errors] == [("permissions[0]", True)]


@pytest.mark.parametrize(
    ("submissions", "taken"),
    [((), False), (("other",), False), (("part",), True), (("pa*",), True), (("*",), True)],
    ids=["none", "another", "by name", "by beginning", "every"],
)
def test_the_bootstrap_says_which_jobs_take_messages_of_jobs(submissions, taken):
    found = permitted(parse(FUNCTION | SPLITS), replace(STRICT, submissions=submissions))
    assert isinstance(found, InvalidRow) is not taken
    if not taken:
        [error] = found.errors
        assert error.field == "permissions[0]"
        assert "AllowedSubmissions" in error.message


def policy(name, **parameters):
    stack = bootstrap_of(load(ROOT / "template.yaml"), **parameters).nested["SecurityStack"]
    return Statements(tuple(stack.resource(name)["PolicyDocument"]["Statement"]))


OF_THE_PROVISIONER = [
    ("sns:Publish", TOPIC.replace("Submission", "Notification")),
    ("sns:Subscribe", TOPIC),
    ("sns:SetTopicAttributes", TOPIC),
    ("sns:Publish", "arn:aws:sns:eu-west-1:123456789012:foreign"),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:jobs-part"),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:ReconcileQueue"),
    ("states:StartExecution", "arn:aws:states:eu-west-1:123456789012:stateMachine:jobs-part"),
]


@pytest.mark.parametrize("name", ["JobBoundary", "JobLimits"])
def test_nothing_but_the_submission_topic_is_let_through(name):
    closed, opened = policy(name), policy(name, AllowedSubmissions="part")
    if name == "JobBoundary":
        assert closed.deny("sns:Publish", TOPIC, AT_HOME)
        assert opened.verdict("sns:Publish", TOPIC, AT_HOME)
        for action, resource in OF_THE_PROVISIONER:
            assert not opened.verdict(action, resource, AT_HOME), (action, resource)
    assert not opened.deny("sns:Publish", TOPIC, AT_HOME)


def test_the_topics_key_is_for_publishing_only():
    limits = policy("JobLimits", AllowedSubmissions="part")
    key = next(s["Resource"] for s in limits if s["Sid"] == "TheKeyServesTopicsOnly")
    through_sns = AT_HOME | {"kms:ViaService": "sns.eu-west-1.amazonaws.com"}
    assert limits.deny("kms:Decrypt", key, AT_HOME)
    assert not limits.deny("kms:Decrypt", key, through_sns)


@pytest.mark.parametrize("row", [LAMBDA, CONTAINER], ids=["lambda", "ecs"])
def test_its_code_knows_where_to_and_may_publish_there(row):
    resources = json.loads(templates.to_json(templates.build(parse(row | SPLITS), PLATFORM)))[
        "Resources"
    ]
    text = json.dumps(resources)
    assert text.count("SUBMISSION_TOPIC_ARN") == 1
    policies = {p["PolicyName"]: p for p in resources["Role"]["Properties"]["Policies"]}
    actions = [s["Action"] for s in policies["submissions"]["PolicyDocument"]["Statement"]]
    assert actions == ["sns:Publish", ["kms:Decrypt", "kms:GenerateDataKey"]]
    assert "permissions" not in policies


def given_by(body, **row):
    """Return the execution that a message leads to."""
    message = MessageBatch((Message("m", body),), whole=True)
    return machine(LAMBDA, echo, **row).run("queue-m", json.loads(message.input()))


def test_a_job_that_passes_on_what_it_was_given_ends_its_chain(table):
    body, lengths = json.dumps({"part": 1}), []
    for _ in range(30):
        execution = given_by(body, **SPLITS)
        if execution.error:
            break
        lengths.append(execution.output["_run"]["depth"])
        body = json.dumps(execution.output)
        table.meta.client.delete_item(
            TableName=table.name,
            Key={"job_name": "nightly", "trigger_id": only_run(table)["trigger_id"]},
        )
    assert lengths == list(range(PLATFORM.max_chain_depth + 1))
    run = only_run(table)
    assert (run["status"], run["error"]) == ("FAILED", "InvalidInput")
    assert "the chain ends here" in run["cause"]


def test_a_job_that_sends_nothing_is_given_no_count(table):
    assert given_by(json.dumps({"part": 1, "_run": {"depth": 3}})).output == {"part": 1}
    assert json.loads(only_run(table)["input"]) == {"part": 1}


@pytest.mark.parametrize("said", [-1, 1.5, "3", None, [3], 10**9], ids=repr)
def test_a_count_that_is_none_counts_nothing(said):
    assert Message("m", json.dumps({"_run": {"depth": said}})).depth == 0


def test_a_batch_is_as_deep_as_its_deepest_message():
    bodies = ['{"_run": {"depth": 2}}', '{"_run": {"depth": 7}}', "text"]
    batch = MessageBatch(tuple(Message(str(n), body) for n, body in enumerate(bodies)), whole=False)
    assert json.loads(batch.input())["_run"] == {"source": "queue", "depth": 8}
