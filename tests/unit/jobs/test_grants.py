"""Permissions in words: what each becomes, as docs/reference/jobs.md says, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provisioner.jobs import Grant, InvalidRow, SubmitGrant, parse
from provisioner.jobs.grants import WORDS, grant, statements
from provisioner.jobs.role_size import room
from tests.support.bootstrap import ROOT, bootstrap_of, load
from tests.support.iam import Statements, matches
from tests.unit.jobs.test_allowed import FUNCTION

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "jobs.md").read_text()
HERE = "eu-west-1:123456789012"


def documented():
    """Return the statements of each entry in the table."""
    found = {}
    for line in PAGE.partition("| Entry | `Action` |")[2].splitlines()[2:]:
        if not line.startswith("|"):
            break
        entry, actions, resources, condition = (
            re.findall("`([^`]+)`", cell) for cell in line.strip("|").split(" | ")
        )
        statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
        if condition:
            operator, key, value = condition
            statement["Condition"] = {operator: {key: [value]}}
        found.setdefault(entry[0], []).append(statement)
    return found


DOCUMENTED = documented()


@pytest.mark.parametrize("text", DOCUMENTED)
def test_an_entry_becomes_what_the_page_says(text):
    assert statements(grant(text), "aws", HERE) == DOCUMENTED[text]


def test_every_word_is_on_the_page():
    described = re.findall(r"^\| `([a-z-]+): ", PAGE.partition("### In words")[2], re.MULTILINE)
    assert [*dict.fromkeys(described)] == list(WORDS)
    assert {text.partition(":")[0] for text in DOCUMENTED} == {*WORDS} - {"submit"}


def test_every_action_is_among_those_that_the_bootstrap_allows_to_jobs():
    allowed = bootstrap_of(load(ROOT / "template.yaml")).values["JobActions"].split(",")
    asked = {
        action
        for entry in DOCUMENTED.values()
        for statement in entry
        for action in statement["Action"]
    }
    assert {each for each in asked if not any(matches(a.strip(), each) for a in allowed)} == set()


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("read: s3://sales/in", "in", True),
        ("read: s3://sales/in", "in/a/b.csv", True),
        ("read: s3://sales/in", "in-secret/a.csv", False),
        ("read: s3://sales/in/", "in", False),
        ("read: s3://sales/in/", "in/a.csv", True),
        ("read: s3://sales", "anything", True),
        ("read: s3://sales/", "anything", True),
    ],
)
def test_a_path_is_a_folder_and_never_what_begins_alike(text, key, allowed):
    granted = Statements(tuple(statements(grant(text), "aws", HERE)))
    assert granted.allow("s3:GetObject", f"arn:aws:s3:::sales/{key}") is allowed


ACCEPTED = {
    "text": ("read: s3://sales/in", Grant("read", "s3://sales/in")),
    "a map, as YAML reads it": ({"read": "s3://sales/in"}, Grant("read", "s3://sales/in")),
    "a number in a map": ({"read-table": 2026}, Grant("read-table", "2026")),
    "blanks": ("  send :  orders.fifo ", Grant("send", "orders.fifo")),
    "a whole bucket": ("write: s3://sales", Grant("write", "s3://sales/")),
    "a key with blanks": ("read: s3://sales/my files/", Grant("read", "s3://sales/my files/")),
    "submit in a map": ({"submit": "part"}, SubmitGrant("part")),
}


@pytest.mark.parametrize(("value", "permission"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(value, permission):
    assert parse(FUNCTION | {"permissions": [value]}).permissions == (permission,)


SECRET = f"arn:aws:secretsmanager:{HERE}:secret:jobs/db"
REFUSED = {
    "a typo": ("raed: s3://sales/in", 'did you mean "read"?'),
    "a typo in a map": ({"reed": "s3://sales/in"}, 'did you mean "read"?'),
    "two words in one": ("read table: orders", 'did you mean "read-table"?'),
    "nothing after it": ("read:", "s3://bucket/path"),
    "a bucket without scheme": ("read: sales/in", "s3://bucket/path"),
    "a bucket that cannot be": ("read: s3://Sales/in", "cannot be the name of a bucket"),
    "a wildcard": ("read: s3://sales/*", "holds a wildcard"),
    "a version": ("read: s3://sales/in?versionId=1", "holds a wildcard"),
    "a variable": ("write: s3://sales/${aws:userid}", "holds a wildcard"),
    "another alphabet": ("read: s3://sales/\u0141", "that IAM does not take"),
    "a table's ARN": (f"read-table: arn:aws:dynamodb:{HERE}:table/a", "must name a table"),
    "a queue's address": ("send: https://sqs.eu-west-1.amazonaws.com/1/a", "name or ARN of a"),
    "an ARN of something else": (f"send: arn:aws:lambda:{HERE}:function:a", "name or ARN of a"),
    "part of a secret": (f"secret: {SECRET}:password::", "for the whole secret"),
    "a secret's name": ("secret: jobs/db", "must be the ARN of"),
    "a list": ({"read": ["s3://sales/in"]}, "must be text"),
}


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(value, message):
    found = parse(FUNCTION | {"permissions": [value]})
    assert isinstance(found, InvalidRow)
    [error] = found.errors
    assert error.field == "permissions[0]"
    assert message in error.message


def test_a_secret_is_not_repeated_in_its_error():
    found = parse(FUNCTION | {"permissions": ["secret: hunter2"]})
    assert isinstance(found, InvalidRow)
    assert "hunter2" not in found.errors[0].message


def test_all_of_them_are_measured_as_the_statements_that_they_become():
    entries = [f"read-table: orders-{n}" for n in range(60)]
    size = sum(len(json.dumps(statements(grant(text), "aws", HERE))) for text in entries)
    assert size > room("lambda")
    found = parse(FUNCTION | {"permissions": entries})
    assert isinstance(found, InvalidRow)
    assert "as IAM statements" in found.errors[0].message
