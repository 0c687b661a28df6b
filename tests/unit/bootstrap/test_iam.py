"""Our IAM in miniature evaluates as the IAM User Guide says: policy elements, operators."""

from __future__ import annotations

import pytest

from tests.support.iam import Statements, matches

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def allows(statement, action="s3:GetObject", resource="arn:aws:s3:::a/b", **context):
    whole = {"Effect": "Allow", "Action": "*", "Resource": "*"} | statement
    for name in ("Action", "Resource"):
        if f"Not{name}" in statement:
            del whole[name]
    keys = {key.replace("_", ":", 1): value for key, value in context.items()}
    return Statements((whole,)).verdict(action, resource, keys)


@pytest.mark.parametrize(
    ("statement", "request_", "allowed"),
    [
        ({"Action": "S3:getobject"}, {}, True),
        ({"Action": "s3:Get*"}, {"action": "s3:PutObject"}, False),
        ({"NotAction": ["s3:Put*", "s3:Delete*"]}, {}, True),
        ({"NotAction": ["s3:Get*", "s3:Delete*"]}, {}, False),
        ({"Resource": "arn:aws:s3:::a/?"}, {}, True),
        ({"Resource": "arn:aws:s3:::A/b"}, {}, False),
        ({"NotResource": "arn:aws:s3:::a/*"}, {}, False),
        ({"NotResource": "arn:aws:s3:::b/*"}, {}, True),
        ({"NotResource": "*"}, {}, False),
    ],
)
def test_actions_and_resources(statement, request_, allowed):
    assert allows(statement, **request_) is allowed


@pytest.mark.parametrize(
    ("operator", "value", "actual", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", ["b", "a"], "a", False),
        ("StringNotEquals", "a", None, True),
        ("StringNotEqualsIfExists", "a", None, True),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("StringLike", "a*", "ab", True),
        ("ArnLike", "arn:aws:sqs:*:*:a-*", "arn:aws:sqs:eu-west-1:1:a-b", True),
        ("ArnNotLike", "arn:aws:sqs:*:*:a-*", None, True),
        ("ArnNotLike", "arn:aws:sqs:*:*:a-*", "arn:aws:sqs:eu-west-1:1:a-b", False),
        ("Null", "true", None, True),
        ("Null", "false", "a", True),
        ("Null", "false", None, False),
        ("ForAnyValue:StringEquals", "a", ["b", "a"], True),
        ("ForAnyValue:StringEquals", "a", ["b"], False),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAllValues:StringEquals", "a", ["b", "a"], False),
        ("ForAllValues:StringEquals", "a", None, True),
    ],
)
def test_conditions(operator, value, actual, holds):
    context = {} if actual is None else {"aws_Key": actual}
    assert allows({"Condition": {operator: {"AWS:key": value}}}, **context) is holds


def test_a_denial_wins_and_nothing_is_allowed_by_default():
    refused = Statements((ALL, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}))
    assert not refused.verdict("s3:GetObject", "*", {})
    assert refused.deny("s3:GetObject", "*", {})
    assert not Statements(()).verdict("s3:GetObject", "*", {})
    assert not Statements(()).deny("s3:GetObject", "*", {})


def test_a_wildcard_stays_within_its_part_of_an_arn():
    assert matches("arn:aws:ecs:*:*:*/c/*", "arn:aws:ecs:eu-west-1:1:task/c/1")
    assert not matches("arn:aws:s3*:x", "arn:aws:s3:::x")
    assert not matches("arn:aws:sqs:*:*", "arn:aws:sqs:eu-west-1:1:queue")
